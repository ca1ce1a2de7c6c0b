/** What members say, on the publisher's own set screen: full, empty, refused, narrow, dark; and nobody else's to see. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ConsoleBrowser, listFaults, NARROW, shoot, startConsoleBrowser, WIDE } from "./console-browser.ts";
import { fullAnswers, session } from "./console-samples.ts";
import { NO_OPINIONS, opinionAnswers } from "./opinion-samples.ts";

const SCREEN = "set/hotline.example/verified";
const PATH = "/v1/sets/hotline.example/verified";

let desk: ConsoleBrowser;
let page: Page;
let broken: string[];

beforeAll(async () => {
  desk = await startConsoleBrowser();
});
afterAll(async () => {
  await desk?.close();
});
beforeEach(async () => {
  desk.answer(fullAnswers(), opinionAnswers());
  page = await desk.browser.newPage({ viewport: WIDE });
  broken = desk.watch(page);
});
afterEach(async () => {
  await page.close();
  expect(broken).toEqual([]);
});

const open = () => desk.show(page, SCREEN);

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
      expect(await listFaults(page)).toEqual([]);
      await shoot(page, `opinions-${colorScheme}`);
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
    expect(await listFaults(page)).toEqual([]);
    await shoot(page, "opinions-narrow");
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
    desk.exchange.answers[`GET ${PATH}/opinions`] = { body: NO_OPINIONS };
    await open();
    await page.getByText("Nobody has said anything yet.").waitFor();
    expect(await listFaults(page)).toEqual([]);
    await shoot(page, "opinions-empty");
  });

  test("a refusal shows its code and leaves the rest of the screen; trying again helps", async () => {
    desk.exchange.answers[`GET ${PATH}/opinions`] = {
      status: 503,
      body: { code: "busy", title: "The exchange is busy", status: 503 },
    };
    await open();
    await page.getByText("Try again in a minute").waitFor();
    await page.getByRole("heading", { name: "About this set" }).waitFor();
    expect(await listFaults(page)).toEqual([]);
    await shoot(page, "opinions-error");
    desk.exchange.answers[`GET ${PATH}/opinions`] = { body: NO_OPINIONS };
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Nobody has said anything yet.").waitFor();
  });
});

describe("is for the publisher alone", () => {
  test.each([
    ["another's set", { yours: false }, ["publisher"]],
    ["an analyst without the publisher's role", { yours: true }, ["analyst"]],
  ])("%s: nothing is shown and nothing is asked", async (_, members, roles) => {
    const { body } = desk.exchange.answers[`GET ${PATH}`] as { body: object };
    desk.exchange.answers[`GET ${PATH}`] = { body: { ...body, ...members } };
    desk.exchange.answers["GET /v1/session"] = { body: session(roles) };
    await open();
    await page.getByRole("heading", { name: "About this set" }).waitFor();
    expect(await page.getByText("What members say").count()).toBe(0);
    expect(desk.exchange.seen.filter((asked) => asked.includes("/opinions"))).toEqual([]);
  });
});
