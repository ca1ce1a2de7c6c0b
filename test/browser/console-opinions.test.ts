/** What members say, on the publisher's own set screen: full, empty, refused, narrow, dark; and nobody else's to see. */
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type CannedConsole, openCannedConsole } from "./canned-console.ts";
import { fullAnswers, session } from "./console-samples.ts";
import { NO_OPINIONS, opinionAnswers } from "./opinion-samples.ts";

const CHROMIUM = process.env.BREAKWATER_CHROMIUM ?? "/usr/bin/chromium";
const DIST = join(import.meta.dirname, "../../console/dist");
/** When set, a picture of every state is left there for a person to look at. */
const SHOTS = process.env.BREAKWATER_SHOTS;
const CHROMIUM_ARGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 800 };
const SCREEN = "set/hotline.example/verified";
const PATH = "/v1/sets/hotline.example/verified";

let browser: Browser;
let exchange: CannedConsole;
let page: Page;
let broken: string[];
let axe: string;

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    chromiumSandbox: false,
    args: CHROMIUM_ARGS,
  });
  exchange = await openCannedConsole(DIST);
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  if (SHOTS) await mkdir(SHOTS, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  await exchange?.close();
});
beforeEach(async () => {
  for (const key of Object.keys(exchange.answers)) delete exchange.answers[key];
  exchange.seen.length = 0;
  Object.assign(exchange.answers, fullAnswers(), opinionAnswers());
  page = await browser.newPage({ viewport: WIDE });
  broken = [];
  page.on("pageerror", (error) => broken.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) broken.push(message.text());
  });
});
afterEach(async () => {
  await page.close();
  expect(broken).toEqual([]);
});

async function open(): Promise<void> {
  await page.goto(`${exchange.url}/#${SCREEN}`);
  await page.locator("main h1").waitFor();
  await page.waitForLoadState("networkidle");
}

async function shoot(name: string): Promise<void> {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `opinions-${name}.png`), fullPage: true });
}

async function faults(): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: runner } = window as unknown as {
      axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await runner.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  });
}

describe("what members say", () => {
  test.each(["light", "dark"] as const)(
    "full, %s: counts, reasons, floods, and the one who signed",
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await open();
      await page.getByRole("heading", { name: "What members say" }).waitFor();
      await page.getByText("hit 140 times more than usual").waitFor();
      const row = page.getByRole("row", { name: /b3b3b3b3/ });
      for (const words of [
        "Listed, rejected",
        "The hash also matches harmless material 5",
        "Adult < 5",
        "Example Video: rejected",
      ]) {
        expect((await row.innerText()).replaceAll("\u00a0", " ")).toContain(words);
      }
      expect(await faults()).toEqual([]);
      await shoot(colorScheme);
    },
  );

  test("shows no count from one to four", async () => {
    await open();
    const cells = await page
      .locator('section[aria-labelledby="opinions-title"] td.num, section[aria-labelledby="opinions-title"] li b')
      .allInnerTexts();
    expect(cells.length).toBeGreaterThan(10);
    const counts = cells.map((text) => text.replaceAll("\u00a0", " ").trim());
    expect(counts.filter((text) => /^[1-4]$/.test(text))).toEqual([]);
    expect(counts).toContain("< 5");
  });

  test("narrow: nothing scrolls sideways", async () => {
    await page.setViewportSize(NARROW);
    await open();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(NARROW.width);
    expect(await faults()).toEqual([]);
    await shoot("narrow");
  });

  test("more is asked for by cursor, and the rejected ones alone by a press", async () => {
    await open();
    await page.getByRole("button", { name: "Show more" }).click();
    await page.getByRole("row", { name: /e6e6e6e6/ }).waitFor();
    expect(await page.getByRole("button", { name: "Show more" }).count()).toBe(0);
    await page.getByRole("button", { name: "Rejected only" }).click();
    await page.getByRole("row", { name: /c4c4c4c4/ }).waitFor({ state: "detached" });
    await page.getByRole("row", { name: /b3b3b3b3/ }).waitFor();
  });

  test("empty says so and what comes", async () => {
    exchange.answers[`GET ${PATH}/opinions`] = { body: NO_OPINIONS };
    await open();
    await page.getByText("Nobody has said anything yet.").waitFor();
    expect(await faults()).toEqual([]);
    await shoot("empty");
  });

  test("a refusal shows its code and leaves the rest of the screen; trying again helps", async () => {
    exchange.answers[`GET ${PATH}/opinions`] = {
      status: 503,
      body: { code: "busy", title: "The exchange is busy", status: 503 },
    };
    await open();
    await page.getByText("Try again in a minute").waitFor();
    await page.getByRole("heading", { name: "About this set" }).waitFor();
    expect(await faults()).toEqual([]);
    await shoot("error");
    exchange.answers[`GET ${PATH}/opinions`] = { body: NO_OPINIONS };
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Nobody has said anything yet.").waitFor();
  });
});

describe("is for the publisher alone", () => {
  test.each([
    ["another's set", { yours: false }, ["publisher"]],
    ["an analyst without the publisher's role", { yours: true }, ["analyst"]],
  ])("%s: nothing is shown and nothing is asked", async (_, members, roles) => {
    const { body } = exchange.answers[`GET ${PATH}`] as { body: object };
    exchange.answers[`GET ${PATH}`] = { body: { ...body, ...members } };
    exchange.answers["GET /v1/session"] = { body: session(roles) };
    await open();
    await page.getByRole("heading", { name: "About this set" }).waitFor();
    expect(await page.getByText("What members say").count()).toBe(0);
    expect(exchange.seen.filter((asked) => asked.includes("/opinions"))).toEqual([]);
  });
});
