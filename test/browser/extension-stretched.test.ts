/** The panel's screens at 320 px, right to left, at 200 % text, with words 40 % longer, and in forced colours. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type Flagger, startFlagger } from "./extension-browser.ts";
import { type FakeExchange, startFakeExchange } from "./extension-exchange.ts";
import { type Site, startSite } from "./extension-page.ts";
import { overflows, stretch, unmarked } from "./stretched.ts";

let exchange: FakeExchange;
let site: Site;
let flagger: Flagger;
let panel: Page;
let thread: Page;

const heading = (text: string) => panel.getByRole("heading", { level: 1, name: text, exact: true }).waitFor();
const button = (name: string) => panel.getByRole("button", { name });
/** Typing is written at once; the screen is then drawn anew with its own words. */
const WRITE_MS = 400;

beforeAll(async () => {
  exchange = await startFakeExchange();
  site = await startSite("");
  flagger = await startFlagger(inject("extension"));
  panel = await flagger.panel();
  await panel.setViewportSize({ width: 320, height: 860 });
});
afterAll(async () => {
  expect(flagger.violations).toEqual([]);
  await flagger.close();
  await Promise.all([exchange.close(), site.close()]);
});

/** The page is loaded anew afterwards: what was typed and where one is are kept, the longer words are not. */
async function fits(): Promise<void> {
  for (const how of [
    { rtl: true, text: "100%" },
    { rtl: false, text: "200%" },
    { rtl: true, text: "200%" },
  ]) {
    if (how.text === "200%" && how.rtl) await panel.setViewportSize({ width: 420, height: 860 });
    await stretch(panel, how);
    expect(await overflows(panel), JSON.stringify(how)).toEqual([]);
    await panel.setViewportSize({ width: 320, height: 860 });
  }
  await stretch(panel, { rtl: false, text: "100%" });
  expect(await unmarked(panel)).toEqual([]);
}

async function backTo(title: string): Promise<void> {
  await panel.waitForTimeout(WRITE_MS);
  await panel.reload();
  await heading(title);
}

/** A reload leads home; the report in hand is gone on with from there. */
async function goOnAt(title: string): Promise<void> {
  await backTo("Ready");
  await button("Go on").first().click();
  await heading(title);
}

it("enrolling, with its faults", async () => {
  await panel.keyboard.press("Control+Enter");
  await panel.locator(".errors").waitFor();
  await fits();
  await backTo("Enter your invite code");
  await panel.getByLabel("Address of the exchange").fill(exchange.origin);
  await panel.getByLabel("Invite code").fill(await exchange.inviteCode());
  await panel.getByLabel("Country you work in").selectOption("GB");
  await panel.keyboard.press("Control+Enter");
  await heading("Ready");
});

it("ready, outbox, history and options", async () => {
  await fits();
  for (const name of ["Outbox", "History", "Options"]) {
    await backTo("Ready");
    await button(name).click();
    await panel.getByRole("heading", { level: 1 }).waitFor();
    await fits();
  }
  await backTo("Ready");
});

it("danger, urgent, form, help and review", async () => {
  thread = await flagger.context.newPage();
  await thread.goto(`${site.origin}/t/1042`);
  await thread.waitForFunction("window.ready === true");
  await flagger.flag(thread, { menuItemId: "flag-image", srcUrl: `${site.origin}/drawing-1.png` });
  await heading("Is a child in danger now?");
  await fits();
  await goOnAt("Is a child in danger now?");
  await panel.keyboard.press("1");
  await heading("Urgent report");
  await panel.keyboard.press("Control+Enter");
  await panel.locator(".errors").waitFor();
  await fits();
  await goOnAt("Urgent report");
  await panel.keyboard.press("Escape");
  await panel.keyboard.press("2");
  await heading("Your report");
  await panel
    .getByText("What else")
    .first()
    .click()
    .catch(() => undefined);
  await panel.keyboard.press("Control+Enter");
  await panel.locator(".errors").waitFor();
  await fits();
  await goOnAt("Your report");
  await panel.getByRole("radio", { name: "Picture or video, suspected CSAM" }).check();
  await panel.getByLabel("I report this in good faith.").check();
  await panel.keyboard.press("Control+Enter");
  await heading("Check what will be sent");
  await panel.getByText("Everything that will be sent").click();
  await fits();
  await goOnAt("Check what will be sent");
});

it("sent, with its receipt, and the receipt on paper", async () => {
  await panel.locator("[data-primary]:not([aria-disabled])").waitFor();
  await panel.keyboard.press("Control+Enter");
  await panel.locator("section.receipt").waitFor();
  await fits();
  await panel.emulateMedia({ media: "print" });
  expect(await panel.locator("body").innerText()).not.toMatch(/\[\.\]|https?:|hxxps?:/);
  expect(await overflows(panel)).toEqual([]);
  await panel.emulateMedia({ media: "screen" });
});
