/** The console at 320 px, at 200 % text, right to left, with longer words, in forced colours and on paper. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ConsoleBrowser, startConsoleBrowser } from "./console-browser.ts";
import { fullAnswers } from "./console-samples.ts";
import { overflows, stretch, unmarked } from "./stretched.ts";

const SCREENS = [
  "queue",
  "case/2041",
  "ready",
  "publish/hotline.example/verified",
  "approvals",
  "members",
  "audit",
  "retention",
  "catalogue",
  "preferences",
];

let desk: ConsoleBrowser;
let page: Page;

beforeAll(async () => {
  desk = await startConsoleBrowser();
  page = await desk.browser.newPage();
});
afterAll(async () => {
  await desk?.close();
});
beforeEach(() => {
  desk.answer(fullAnswers());
});

async function open(screen: string, width: number): Promise<void> {
  await page.setViewportSize({ width, height: 900 });
  await desk.show(page, screen, { reload: true });
}

describe.each(SCREENS)("%s", (screen) => {
  test.each([
    { width: 320, rtl: true, text: "100%" },
    { width: 320, rtl: false, text: "200%" },
    { width: 1280, rtl: true, text: "200%" },
  ])("fits at $width px with longer words, right to left $rtl, text $text", async (how) => {
    await open(screen, how.width);
    await stretch(page, how);
    expect(await overflows(page)).toEqual([]);
  });

  test("in forced colours has borders and a visible focus", async () => {
    await open(screen, 1280);
    expect(await unmarked(page)).toEqual([]);
  });
});

test("on paper the rail and the buttons stay away, and the text is whole", async () => {
  await open("case/2041", 1280);
  await page.emulateMedia({ media: "print" });
  expect(await page.locator("nav").isVisible()).toBe(false);
  expect(await overflows(page)).toEqual([]);
  await page.emulateMedia({ media: "screen" });
});
