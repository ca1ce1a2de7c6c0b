// A flagger's whole way in real Chromium: enrol, flag, answer, review, send, receipt, with no picture leaving the page.
import { createHash } from "node:crypto";
import { hexOf } from "@breakwater/shared/bytes.ts";
import type { UuidV7 } from "@breakwater/shared/ids.ts";
import { hashPdq } from "@breakwater/shared/pdq/index.ts";
import { referenceOf } from "@breakwater/shared/receipt.ts";
import { digestUrl } from "@breakwater/shared/reported-url.ts";
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

const heading = (text: string) => panel.getByRole("heading", { level: 1, name: text, exact: true }).waitFor();
const button = (name: string | RegExp) => panel.getByRole("button", { name });

beforeAll(async () => {
  exchange = await startFakeExchange();
  exchange.mood.passedOn = true;
  elsewhere = await startSite("");
  site = await startSite(elsewhere.origin.replace("127.0.0.1", "localhost"));
  flagger = await startFlagger(inject("extension"));
  panel = await flagger.panel();
  thread = await flagger.context.newPage();
  await thread.goto(`${site.origin}/t/1042?sid=0123456789abcdef0123456789abcdef`);
  await thread.waitForFunction("window.ready === true");
});
afterAll(async () => {
  await flagger?.close();
  await Promise.all([exchange?.close(), site?.close(), elsewhere?.close()]);
});

describe("enrolling", () => {
  it("says what is missing at each field, and keeps what was typed", async () => {
    await heading("Enter your invite code");
    await audit(panel, "enrol");
    await panel.getByLabel("Invite code").fill("bwi_half");
    await panel.keyboard.press("Control+Enter");
    await panel.getByText("Not enrolled yet: 3 answers are missing or need a change.").waitFor();
    expect(await panel.evaluate(() => document.activeElement?.className)).toBe("errors");
    expect(await panel.getByLabel("Invite code").inputValue()).toBe("bwi_half");
    expect(exchange.requests).toEqual([]);
    await audit(panel, "enrol-faults");
    await panel.getByRole("link", { name: /This is not a whole code/ }).click();
    expect(await panel.evaluate(() => document.activeElement?.id)).toBe("code");
  });

  it("tells an ended code from an exchange that is not there", async () => {
    await panel.getByLabel("Address of the exchange").fill("http://127.0.0.1:1");
    await panel.getByLabel("Invite code").fill(await exchange.inviteCode());
    await panel.getByLabel("Country you work in").selectOption("IE");
    await panel.keyboard.press("Control+Enter");
    await panel.getByText("127.0.0.1:1 cannot be reached.").waitFor();
    await panel.getByLabel("Address of the exchange").fill(exchange.origin);
    exchange.mood.device = "ended";
    await panel.keyboard.press("Control+Enter");
    await panel.getByText("This code has ended.").waitFor();
    await audit(panel, "enrol-ended");
  });

  it("waits for approval by name, and is ready once approved", async () => {
    exchange.mood.device = "waiting";
    await panel.keyboard.press("Control+Enter");
    await heading("Waiting for approval");
    await panel.getByText("Waiting for B. Senior to approve.").waitFor();
    await audit(panel, "enrol-waiting");
    exchange.mood.device = "active";
    await panel.keyboard.press("Control+Enter");
    await heading("Ready");
    await audit(panel, "ready");
  });

  it("sent the secret once and the local part of the code never", async () => {
    const all = Buffer.concat(exchange.requests.map(({ body }) => body)).toString("latin1");
    const local = (await exchange.inviteCode()).split("_").slice(3).join("_");
    expect(all).not.toContain(local);
    expect(all).not.toContain(local.slice(0, 20));
    expect(all).not.toContain(hexOf(exchange.urlKey));
  });
});

describe("flagging an image", () => {
  it("opens with the danger question and the local number, before any field", async () => {
    await flagger.flag(thread, { menuItemId: "flag-image", srcUrl: `${site.origin}/drawing-1.png` });
    await heading("Is a child in danger now?");
    await panel.getByText("Call 112", { exact: true }).waitFor();
    await panel.getByText("Emergency number in Ireland, also 999.").waitFor();
    await panel.getByText(/within 15 minutes, it is passed on to the contact that Example Hotline named\.$/).waitFor();
    expect(await panel.evaluate(() => document.activeElement?.tagName)).toBe("H1");
    await audit(panel, "danger");
  });

  it("asked the site for nothing, and changed nothing in the page", async () => {
    const before = new Map(site.hits);
    await panel.keyboard.press("2");
    await heading("Your report");
    await panel.getByText("1 image, 256 × 256.").waitFor();
    expect(site.hits.get("/drawing-1.png")).toBe(1);
    expect([...site.hits]).toEqual([...before]);
    expect(await thread.evaluate("window.changes")).toBe(0);
    expect(await thread.evaluate("typeof globalThis.breakwaterRead")).toBe("undefined");
    await audit(panel, "form");
  });

  it("goes on by keyboard alone; nothing is chosen beforehand; a missing answer is said at its field", async () => {
    expect(await panel.locator("input:checked").count()).toBe(0);
    await panel.keyboard.press("Control+Enter");
    await panel.getByText("Not ready yet: 2 answers are missing or need a change.").waitFor();
    await audit(panel, "form-faults");
    await panel.keyboard.press("Tab");
    await panel.keyboard.press("Enter");
    expect(await panel.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("kind");
    await panel.keyboard.press("1");
    await panel.getByLabel("Why do you suspect it?").focus();
    await panel.keyboard.type("Posted with test-term-0001, 2 replies.");
    expect(await panel.getByRole("radio", { name: "Picture or video, suspected CSAM" }).isChecked()).toBe(true);
    await panel.getByLabel("I report this in good faith.").focus();
    await panel.keyboard.press("Space");
    await panel.keyboard.press("Control+Enter");
    await heading("Check what will be sent");
  });

  it("shows in words and to the last member what is then sent", async () => {
    await panel.getByText("This report contains hashes and text. It contains no picture and no video.").waitFor();
    await panel.getByText("4 hashes, 2 addresses, text").waitFor();
    await panel.getByText("Everything that will be sent").click();
    await audit(panel, "review");
    const [clear, sealed] = await panel.locator("pre").allTextContents();
    await panel.keyboard.press("Control+Enter");
    await heading("Sent");
    expect(exchange.taken.size).toBe(1);
    const [{ report, content }] = [...exchange.taken.values()] as [never] as [
      { report: { id: string }; content: object },
    ];
    expect(JSON.parse(clear as string)).toEqual(report);
    expect(JSON.parse(sealed as string)).toEqual(content);
    await panel.getByText(referenceOf(report.id as UuidV7)).waitFor();
    await panel.getByText("Signature checked").waitFor();
    await audit(panel, "sent");
  });

  it("carries the hashes of the original bytes and of the pixels, and addresses only sealed", async () => {
    const [{ report, content }] = [...exchange.taken.values()] as [import("./extension-exchange.ts").TakenReport];
    const file = site.files.get("/drawing-1.png") as Buffer;
    const { hash, quality, ambiguousBits } = hashPdq(toRgba(drawRgb("value", [1, 32], 256, 256)), 256, 256);
    expect(report.items).toHaveLength(1);
    expect(report.items[0]?.hashes).toEqual([
      { alg: "md5", value: createHash("md5").update(file).digest("hex") },
      { alg: "sha1", value: createHash("sha1").update(file).digest("hex") },
      { alg: "sha256", value: createHash("sha256").update(file).digest("hex") },
      { alg: "pdq", value: hexOf(hash), quality, ambiguous_bits: ambiguousBits },
    ]);
    expect(report.items[0]?.acquisition).toEqual({ method: "page_cache_read", source_fidelity: "original_bytes" });
    expect(content.explanation).toBe("Posted with test-term-0001, 2 replies.");
    expect(content.locations.map(({ url }) => url)).toEqual([
      `${site.origin}/drawing-1.png`,
      `${site.origin}/t/1042?sid=[removed]`,
    ]);
    expect(report.locations[1]).toEqual({
      role: "page",
      domain: "127.0.0.1",
      redacted: true,
      url_digest: await digestUrl(exchange.urlKey, content.locations[1]?.url_canonical as string),
    });
    expect(report.reporter).toEqual({ member: "flaggers", device_id: expect.any(String), role: "flagger" });
  });

  it("no request of the session held a picture, an address in clear, or the flagger's words", () => {
    const file = site.files.get("/drawing-1.png") as Buffer;
    expect(exchange.requests.length).toBeGreaterThan(4);
    for (const { body, path, headers } of exchange.requests) {
      const text = body.toString("latin1");
      for (const part of [file.subarray(0, 24), file.subarray(100, 124), Buffer.from("\x89PNG", "latin1")]) {
        expect(body.includes(part), path).toBe(false);
        expect(text, path).not.toContain(part.subarray(0, 18).toString("base64").replace(/=+$/, ""));
        expect(text, path).not.toContain(part.toString("hex"));
      }
      const payloads = [...text.matchAll(/"payload":"([^"]+)"/g)].map(([, part]) =>
        Buffer.from(part as string, "base64url").toString(),
      );
      for (const clear of [text, ...payloads]) {
        expect(clear).not.toContain("test-term-0001");
        expect(clear).not.toContain("/t/1042");
        expect(clear).not.toContain("drawing-1");
      }
      expect(headers.cookie).toBeUndefined();
      expect(headers.referer).toBeUndefined();
    }
    expect(site.hits.get("/drawing-1.png")).toBe(1);
    expect(flagger.violations).toEqual([]);
  });
});

describe("afterwards", () => {
  it("history holds reference and state, no address; news come by asking", async () => {
    await button("Report another").click();
    await heading("Ready");
    await button("History").click();
    await heading("History");
    await audit(panel, "history");
    await panel.getByText("Waiting").waitFor();
    await button("Look for news").click();
    await panel.getByText("Published").waitFor();
    expect(await panel.locator("body").innerText()).not.toContain("127");
    await panel.keyboard.press("Escape");
    await heading("Ready");
    await button("Outbox").click();
    await heading("Outbox");
    await audit(panel, "outbox-empty");
    await panel.keyboard.press("Escape");
    await heading("Ready");
  });

  it("nothing typed and no address lies in local storage, and only ciphertext in the database", async () => {
    const found = await panel.evaluate(async () => {
      const chrome = (globalThis as unknown as { chrome: { storage: Record<string, { get(): Promise<object> }> } })
        .chrome;
      const areas = JSON.stringify([
        await chrome.storage.local?.get(),
        await chrome.storage.session?.get(),
        { ...localStorage },
      ]);
      const db = await new Promise<IDBDatabase>((resolve) => {
        const open = indexedDB.open("breakwater");
        open.onsuccess = () => resolve(open.result);
      });
      const rows: string[] = [];
      for (const name of db.objectStoreNames) {
        const all = await new Promise<unknown[]>((resolve) => {
          const request = db.transaction(name).objectStore(name).getAll();
          request.onsuccess = () => resolve(request.result);
        });
        for (const row of all) {
          const extractable = [row, ...Object.values(row as object)].some(
            (v) => v instanceof CryptoKey && v.extractable && v.type !== "public",
          );
          rows.push(
            `${name} ${extractable} ${JSON.stringify(row, (_, v) => (v instanceof ArrayBuffer ? new TextDecoder("latin1").decode(v) : v))}`,
          );
        }
      }
      db.close();
      return { areas, rows };
    });
    expect(found.rows.length).toBeGreaterThan(4);
    for (const text of [found.areas, ...found.rows]) {
      expect(text).not.toContain("test-term-0001");
      expect(text).not.toContain("/t/1042");
      expect(text).not.toContain("drawing-1");
      expect(text).not.toMatch(/^\w+ true/);
    }
  });
});
