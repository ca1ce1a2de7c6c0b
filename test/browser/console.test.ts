/** The console's screens in a real browser: accessible in every state, nothing but words, the content policy never broken. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ConsoleBrowser, listFaults, NARROW, shoot, startConsoleBrowser, WIDE } from "./console-browser.ts";
import { EMPTY_QUEUE, fullAnswers, session } from "./console-samples.ts";
import { APPLIED, takeBackAnswers } from "./take-back-samples.ts";

const SCREENS = [
  "queue",
  "case/2041",
  "ready",
  "publish/hotline.example/verified",
  "take-back",
  "approvals",
  "members",
  "audit",
  "retention",
  "catalogue",
  "preferences",
];

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
  desk.answer(fullAnswers(), takeBackAnswers());
  page = await desk.browser.newPage({ viewport: WIDE });
  broken = desk.watch(page);
});
afterEach(async () => {
  await page.close();
  expect(broken).toEqual([]);
});

const open = (screen: string) => desk.show(page, screen);

describe.each(["light", "dark"] as const)("every screen, %s", (colorScheme) => {
  test.each(SCREENS)("%s has no accessibility fault, one focused heading and no picture", async (screen) => {
    await page.emulateMedia({ colorScheme });
    await open(screen);
    expect(await listFaults(page)).toEqual([]);
    expect(await page.locator("h1").count()).toBe(1);
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
    expect(await page.title()).toBe(`${await page.locator("h1").innerText()} · Breakwater`);
    expect(await page.locator("img, picture, video, audio, object, embed, iframe, canvas").count()).toBe(0);
    expect(await page.locator(".button.primary").count()).toBeLessThanOrEqual(1);
    await shoot(page, `${colorScheme}-${screen}`);
  });
});

test.each(SCREENS)("%s does not scroll sideways at 320 px", async (screen) => {
  await page.setViewportSize(NARROW);
  await open(screen);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(NARROW.width);
  expect(await listFaults(page)).toEqual([]);
  await shoot(page, `narrow-${screen}`);
});

describe("states", () => {
  test("an empty queue says so and what comes next", async () => {
    desk.exchange.answers["GET /v1/hotline/cases?state=open"] = { body: EMPTY_QUEUE };
    await open("queue");
    await page.getByText("No open cases.").waitFor();
    await shoot(page, "empty-queue");
  });

  test("an answer that refuses is shown with its code, and trying again helps", async () => {
    desk.exchange.answers["GET /v1/hotline/cases?state=open"] = {
      status: 503,
      body: { code: "busy", title: "The exchange is busy", status: 503 },
    };
    await open("queue");
    await page.getByText("Try again in a minute").waitFor();
    await shoot(page, "error-queue");
    desk.exchange.answers["GET /v1/hotline/cases?state=open"] = { body: EMPTY_QUEUE };
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("No open cases.").waitFor();
  });

  test("a session that ends keeps what is on the screen", async () => {
    await open("case/2041");
    await page.getByLabel("Note for the case (optional)").fill("kept words");
    desk.exchange.answers["GET /v1/sets"] = {
      status: 401,
      body: { code: "session_ended", title: "Session has ended", status: 401 },
    };
    await page.waitForTimeout(600);
    await page.goto(`${desk.exchange.url}/#catalogue`);
    await page.getByText("Your session has ended.").waitFor();
    await page.goto(`${desk.exchange.url}/#case/2041`);
    await expect.poll(() => page.getByLabel("Note for the case (optional)").inputValue()).toBe("kept words");
  });

  test("nobody signed in: a link is asked for, and its token leaves the address bar", async () => {
    desk.exchange.answers["GET /v1/session"] = {
      status: 401,
      body: { code: "unauthenticated", title: "Sign in", status: 401 },
    };
    await page.goto(`${desk.exchange.url}/sign-in#${"t".repeat(43)}`);
    const button = page.getByRole("button", { name: "Sign in" });
    await button.waitFor();
    expect(page.url()).toBe(`${desk.exchange.url}/`);
    expect(desk.exchange.seen.filter((line) => line.includes("POST /v1/session"))).toEqual([]);
    await shoot(page, "sign-in");
    desk.exchange.answers["POST /v1/session"] = { body: session(["analyst"]) };
    await button.click();
    await page.getByRole("heading", { name: "Queue" }).waitFor();
  });

  test("a role sees its own navigation only", async () => {
    desk.exchange.answers["GET /v1/session"] = { body: session(["analyst"]) };
    await open("queue");
    expect(await page.locator("nav a").allInnerTexts()).toEqual(["Queue", "My cases", "Catalogue", "Preferences"]);
  });
});

describe("keyboard", () => {
  test("the queue is walked and a case opened without a pointer", async () => {
    await open("queue");
    await page.keyboard.press("j");
    expect(await page.locator("tr[aria-selected=true]").innerText()).toContain("2041");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Case 2041" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await page.getByRole("heading", { name: "Catalogue" }).waitFor();
  });

  test("letters in a text field trigger nothing", async () => {
    await open("case/2041");
    await page.getByLabel("Note for the case (optional)").pressSequentially("hux r");
    expect(await page.locator("dialog").count()).toBe(0);
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe("Case 2041");
  });

  test("single keys can be switched off", async () => {
    await open("preferences");
    await page.locator("#single-keys").getByText("Off", { exact: true }).click();
    await open("queue");
    await page.keyboard.press("?");
    expect(await page.locator("dialog").count()).toBe(0);
  });

  test("saving with answers missing moves to a summary, and each line leads to its field", async () => {
    await open("case/2041");
    await page.keyboard.press("Control+Enter");
    const summary = page.locator(".errors");
    await summary.waitFor();
    expect(await summary.evaluate((element) => element === document.activeElement)).toBe(true);
    await shoot(page, "missing-case");
    await page.getByRole("button", { name: "Choose the age of the youngest child." }).click();
    expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).name)).toBe("age");
    await page.keyboard.press("4");
    expect(await page.locator("#age input:checked").getAttribute("value")).toBe("11_13");
  });
});

describe("taking back", () => {
  const APPLIED_PATH = "GET /v1/sets/hotline.example/verified/applied";

  test("the bars say how many of how many, the late are named, and the command is given", async () => {
    await open("take-back");
    await page.getByRole("heading", { name: "Late: 2 members" }).waitFor();
    const recall = page.getByRole("progressbar", { name: "Recall 7: hits ask for review, nobody blocks" });
    expect([await recall.getAttribute("value"), await recall.getAttribute("max")]).toEqual(["19", "20"]);
    const video = page.getByRole("row", { name: /Video Example/ });
    expect(await video.innerText()).toMatch(/Nothing yet[\s\S]*recall 7, release 420[\s\S]*2 d ago/);
    await page.getByText("breakwater take-back verified --release N --reason bad_batch").waitFor();
    await page.getByText("A recall of this set was refused 3 times, brought by hotline.").waitFor();
    // Nothing on this screen acts.
    expect(await page.locator("main .button.danger, main .button.primary").count()).toBe(0);
  });

  test("another of the own sets is chosen by name; sets of others and sets without a release are not there", async () => {
    desk.exchange.answers["GET /v1/sets/hotline.example/practice/applied"] = {
      body: { ...APPLIED, set: "practice", members: [], releases: [], recalls: [], refused: [] },
    };
    await open("take-back");
    await page.getByRole("button", { name: "practice" }).click();
    await page.getByText("Nobody has fetched this set yet.").waitFor();
    expect(await page.getByRole("button", { name: "new", exact: true }).count()).toBe(0);
    expect(await listFaults(page)).toEqual([]);
  });

  test("an answer that fails is told, and the command stays", async () => {
    desk.exchange.answers[APPLIED_PATH] = {
      status: 503,
      body: { code: "busy", title: "The exchange is busy", status: 503 },
    };
    await open("take-back");
    await page.getByText("Try again in a minute").waitFor();
    await page.getByText("breakwater take-back verified").waitFor();
  });
});

test("signing asks once more and names the release; nothing is sent before", async () => {
  await open("publish/hotline.example/verified");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("button", { name: "Sign release 419", exact: true }).waitFor();
  expect(desk.exchange.seen.filter((line) => line === "POST /v1/hotline/publications")).toEqual([]);
  await shoot(page, "sign-dialog");
});

test("no address, hash or free text stands in the title, the address bar or local storage", async () => {
  await open("case/2041");
  await page.getByLabel("Note for the case (optional)").fill("words for the hotline only");
  await page.waitForTimeout(600);
  const kept = await page.evaluate(() =>
    JSON.stringify([document.title, location.href, { ...localStorage }, { ...sessionStorage }]),
  );
  expect(kept).not.toMatch(/words for|88ec|forum/);
});
