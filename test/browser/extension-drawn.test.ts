// Rung 3: the hash of what the screen shows, for a picture of another site, and only where the organisation allows it.
import { hexOf } from "@breakwater/shared/bytes.ts";
import { hashPdq } from "@breakwater/shared/pdq/index.ts";
import { distancePdq, parsePdq } from "@breakwater/shared/signals/pdq.ts";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { drawRgb, toRgba } from "../drawings/index.ts";
import { audit } from "./extension-audit.ts";
import { type Flagger, startFlagger } from "./extension-browser.ts";
import { type FakeExchange, startFakeExchange } from "./extension-exchange.ts";
import { type Site, startSite } from "./extension-page.ts";

let exchange: FakeExchange;
let site: Site;
let elsewhere: Site;
let flagger: Flagger;
let panel: Page;
let thread: Page;
let foreign: string;

beforeAll(async () => {
  exchange = await startFakeExchange();
  exchange.mood.rung3 = true;
  elsewhere = await startSite("");
  const other = elsewhere.origin.replace("127.0.0.1", "localhost");
  foreign = `${other}/drawing-2.png`;
  site = await startSite(other);
  flagger = await startFlagger(inject("extension"));
  panel = await flagger.panel();
  await panel.getByLabel("Address of the exchange").fill(exchange.origin);
  await panel.getByLabel("Invite code").fill(await exchange.inviteCode());
  await panel.getByLabel("Country you work in").selectOption("IE");
  await panel.keyboard.press("Control+Enter");
  await panel.getByRole("heading", { level: 1, name: "Ready" }).waitFor();
  thread = await flagger.context.newPage();
  await thread.setViewportSize({ width: 900, height: 1200 });
  await thread.goto(`${site.origin}/t/1042`);
  await thread.waitForFunction("window.ready === true");
});
afterAll(async () => {
  await flagger?.close();
  await Promise.all([exchange?.close(), site?.close(), elsewhere?.close()]);
});

describe("with the organisation's leave", () => {
  it("a picture of another site is cut from the screen, hashed as drawn, and asked for by nobody", async () => {
    await flagger.clickButton(thread);
    const hits = elsewhere.hits.get("/drawing-2.png");
    await flagger.flag(thread, { menuItemId: "flag-image", srcUrl: foreign });
    await panel.getByRole("heading", { level: 1, name: "Is a child in danger now?" }).waitFor();
    await panel.getByRole("button", { name: /^Not that I can tell/ }).click();
    await panel.getByText(/^1 image, cut from what the screen shows/).waitFor();
    expect(elsewhere.hits.get("/drawing-2.png")).toBe(hits);
    await audit(panel, "form-drawn");
    await panel.getByRole("radio", { name: "Picture or video, suspected CSAM" }).check();
    await panel.getByLabel("I report this in good faith.").check();
    await panel.keyboard.press("Control+Enter");
    await panel.getByRole("heading", { level: 1, name: "Check what will be sent" }).waitFor();
    await panel.keyboard.press("Control+Enter");
    await panel.getByRole("heading", { level: 1, name: "Sent", exact: true }).waitFor();
    const [{ report }] = [...exchange.taken.values()] as [import("./extension-exchange.ts").TakenReport];
    const [item] = report.items;
    expect(item?.hashes.map(({ alg }) => alg)).toEqual(["pdq"]);
    expect(item?.acquisition).toEqual({ method: "rendered_crop", source_fidelity: "rendered", occluded: false });
    // Drawn at half its size it is near the original, not equal to it.
    const original = hashPdq(toRgba(drawRgb("value", [2, 32], 256, 256)), 256, 256).hash;
    const value = item?.hashes[0]?.value as string;
    expect(value).not.toBe(hexOf(new Uint8Array(32)));
    expect(distancePdq(parsePdq(value), original)).toBeLessThanOrEqual(31);
  });

  it("not when something covers it", async () => {
    await thread.evaluate(() => {
      const cover = document.createElement("div");
      Object.assign(cover.style, { position: "fixed", inset: "0", background: "black" });
      document.body.appendChild(cover);
    });
    await panel.getByRole("button", { name: "Report another" }).click();
    await flagger.flag(thread, { menuItemId: "flag-image", srcUrl: foreign });
    await panel.getByRole("heading", { level: 1, name: "Is a child in danger now?" }).waitFor();
    await panel.getByRole("button", { name: /^Not that I can tell/ }).click();
    await panel.getByText("The file lies on another site, which the browser does not open to extensions.").waitFor();
  });
});
