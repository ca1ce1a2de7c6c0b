// What can go wrong, in real Chromium: unread items, no network, a stopped worker, refusals, a lock, a device switched off.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { audit } from "./extension-audit.ts";
import { type Flagger, startFlagger } from "./extension-browser.ts";
import { type FakeExchange, startFakeExchange, type TakenReport } from "./extension-exchange.ts";
import { type Site, startSite } from "./extension-page.ts";

let exchange: FakeExchange;
let site: Site;
let elsewhere: Site;
let flagger: Flagger;
let panel: Page;
let thread: Page;

const WRITE_MS = 500;
const PASSPHRASE = "four drawn stones";

const heading = (text: string) => panel.getByRole("heading", { level: 1, name: text, exact: true }).waitFor();
const button = (name: string | RegExp) => panel.getByRole("button", { name });
const text = (words: string | RegExp) => panel.getByText(words).first().waitFor();

async function enrol(): Promise<void> {
  await panel.getByLabel("Address of the exchange").fill(exchange.origin);
  await panel.getByLabel("Invite code").fill(await exchange.inviteCode());
  await panel.getByLabel("Country you work in").selectOption("GB");
  await panel.keyboard.press("Control+Enter");
  await heading("Ready");
}

async function flagImage(file: string): Promise<void> {
  await flagger.flag(thread, {
    menuItemId: "flag-image",
    srcUrl: file.includes(":") ? file : `${site.origin}/${file}`,
  });
  await heading("Is a child in danger now?");
}

async function toReview(): Promise<void> {
  await panel.keyboard.press("2");
  await heading("Your report");
  await text(/^1 image, /);
  await panel.getByRole("radio", { name: "Picture or video, suspected CSAM" }).check();
  await panel.getByLabel("I report this in good faith.").check();
  await panel.keyboard.press("Control+Enter");
  await heading("Check what will be sent");
}

const lastTaken = (): TakenReport => [...exchange.taken.values()].at(-1) as TakenReport;
const postsOfReports = () =>
  exchange.requests.filter(({ method, path }) => method === "POST" && path === "/v1/reports");

async function home(): Promise<void> {
  await panel.reload();
  await panel.locator("h1").waitFor();
}

async function emptyOutbox(): Promise<void> {
  exchange.mood.reports = "take";
  await home();
  await button("Outbox").click();
  await heading("Outbox");
  for (;;) {
    const again = button("Try now").first();
    if ((await again.count()) === 0) break;
    await again.click();
    await panel.waitForTimeout(300);
  }
  await text("Nothing waits to be sent.");
  await panel.keyboard.press("Escape");
}

beforeAll(async () => {
  exchange = await startFakeExchange();
  elsewhere = await startSite("");
  site = await startSite(elsewhere.origin.replace("127.0.0.1", "localhost"));
  flagger = await startFlagger(inject("extension"));
  panel = await flagger.panel();
  await enrol();
  thread = await flagger.context.newPage();
  await thread.goto(`${site.origin}/t/1042`);
  await thread.waitForFunction("window.ready === true");
});
afterAll(async () => {
  expect(flagger.violations).toEqual([]);
  await flagger.close();
  await Promise.all([exchange.close(), site.close(), elsewhere.close()]);
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => console.error(await panel.locator("body").innerText()));
  exchange.mood.device = "active";
  exchange.mood.reports = "take";
});

describe("items that cannot be read, and items in odd places", () => {
  it.each([
    ["tiny.png", "The image is too small."],
    ["flat.png", "The image is of one colour; its hash would fit many others."],
    ["not-kept.png", "Your browser did not keep the file. It is not downloaded a second time."],
    ["other", "The file lies on another site, which the browser does not open to extensions."],
  ])("%s: says why, and asks nobody again", async (file, why) => {
    const hits = JSON.stringify([[...site.hits], [...elsewhere.hits]]);
    const address = file === "other" ? `${elsewhere.origin.replace("127.0.0.1", "localhost")}/drawing-2.png` : file;
    await flagImage(address);
    await panel.keyboard.press("2");
    await text("Nothing could be read here.");
    await text(why);
    expect(JSON.stringify([[...site.hits], [...elsewhere.hits]])).toBe(hits);
    if (file === "tiny.png") await audit(panel, "form-unread");
    await panel.keyboard.press("1");
    await text("The address only. No hash is sent.");
    await home();
  });

  it.each(["drawing-3.png", "drawing-4.png"])(
    "%s is found by what is shown: in srcset, in a closed shadow root",
    async (file) => {
      await flagImage(file);
      await panel.keyboard.press("2");
      await text(/^1 image, 256 × 256\./);
      expect(site.hits.get(`/${file}`)).toBe(1);
      await home();
    },
  );

  it("a picture made in the page is hashed, and its inner address is not reported", async () => {
    await flagImage((await thread.locator("#blob").getAttribute("src")) as string);
    await toReview();
    await panel.keyboard.press("Control+Enter");
    await heading("Sent");
    const { report, content } = lastTaken();
    expect(report.items[0]?.hashes).toHaveLength(4);
    expect(content.locations.map(({ url }) => url)).toEqual([`${site.origin}/t/1042`]);
  });

  it("a linked page is reported by its address alone", async () => {
    await flagger.flag(thread, { menuItemId: "flag-link", linkUrl: "https://files.example/a?token=abc" });
    await heading("Is a child in danger now?");
    await panel.keyboard.press("2");
    await text("The address only. No hash is sent.");
    await text("hxxps://");
    await home();
  });

  it("a menu entry that is not ours makes no draft", async () => {
    const before = await panel.getByRole("button", { name: "Go on" }).count();
    await flagger.flag(thread, { menuItemId: "save-image", srcUrl: `${site.origin}/drawing-1.png` });
    await panel.waitForTimeout(300);
    await home();
    expect(await panel.getByRole("button", { name: "Go on" }).count()).toBe(before);
  });
});

describe("unfinished reports", () => {
  it("are kept over a reload, with what was typed, and Escape discards nothing", async () => {
    await flagImage("drawing-1.png");
    await panel.keyboard.press("2");
    await panel.getByLabel("Why do you suspect it?").fill("Kept over a reload: test-term-0001.");
    await panel.keyboard.press("Escape");
    await heading("Is a child in danger now?");
    // No person closes the panel within the milliseconds of a write; a test does.
    await panel.waitForTimeout(WRITE_MS);
    await home();
    await heading("Ready");
    await audit(panel, "ready-drafts");
    await button("Go on").first().click();
    await panel.keyboard.press("2");
    expect(await panel.getByLabel("Why do you suspect it?").inputValue()).toBe("Kept over a reload: test-term-0001.");
  });

  it("a picture in the text is refused here, before anybody signs", async () => {
    const carried = `data:image/png;base64,${site.files.get("/tiny.png")?.toString("base64")}`;
    await panel.getByLabel("Why do you suspect it?").fill(carried);
    await panel.keyboard.press("Control+Enter");
    await text("This text looks as if it carried a picture. Take that part out.");
    expect(await panel.getByLabel("Why do you suspect it?").inputValue()).toBe(carried);
    await panel.getByLabel("Why do you suspect it?").fill("");
  });

  it("somebody who is shown, or a parent, meets help first", async () => {
    await panel.getByRole("radio", { name: "It shows me, or my child" }).check();
    await text("Helpline for children and young people in United Kingdom: 0800 1111.");
    await audit(panel, "form-self");
    await panel.getByRole("radio", { name: "Picture or video, suspected CSAM" }).check();
    await panel.getByLabel("I report this in good faith.").check();
    await panel.keyboard.press("Control+Enter");
    await heading("You are not alone in this");
    await audit(panel, "support");
    await panel.keyboard.press("1");
    await heading("Your report");
    expect(await panel.getByLabel(/^Hash only/).isChecked()).toBe(true);
    await panel.keyboard.press("Control+Enter");
    await heading("Check what will be sent");
    await panel.keyboard.press("Control+Enter");
    await heading("Sent");
    expect(lastTaken().report).toMatchObject({ basis: "victim_or_parent_report", sharing: "hotline_only" });
  });

  it("single keys do nothing while somebody types", async () => {
    await flagImage("drawing-1.png");
    await panel.keyboard.press("2");
    await panel.getByLabel("Why do you suspect it?").fill("");
    await panel.getByLabel("Why do you suspect it?").pressSequentially("1 2 3");
    expect(await panel.locator("input[type=radio]:checked").count()).toBe(0);
    await home();
  });
});

describe("an urgent report", () => {
  it("needs four answers, and with no network says so, keeps it, and shows the number", async () => {
    await flagImage("drawing-1.png");
    await panel.keyboard.press("1");
    await heading("Urgent report");
    await text("Call 999 first, if you can.");
    await text(/^An urgent report raises an alert at Example Hotline\. Nobody else is told/);
    await audit(panel, "urgent");
    await panel.keyboard.press("Control+Enter");
    await text("Not ready yet: 3 answers are missing or need a change.");
    await audit(panel, "urgent-faults");
    await panel.getByRole("radio", { name: "I have called" }).check();
    await panel.getByRole("radio", { name: "Grooming" }).check();
    await panel.getByLabel("I report this in good faith.").check();
    await flagger.context.setOffline(true);
    exchange.mood.reports = "busy";
    await panel.keyboard.press("Control+Enter");
    await heading("Not sent yet");
    await text(/Call 999 now if you have not\. Kept, encrypted, on this device\./);
    await audit(panel, "unsent-urgent");
    await flagger.context.setOffline(false);
  });

  it("goes out at the next try, alerted, with the call noted", async () => {
    exchange.mood.reports = "take";
    await panel.keyboard.press("Control+Enter");
    await heading("Sent");
    await text(/an alert is raised at Example Hotline\. Nobody else is told/);
    await audit(panel, "sent-urgent");
    const { report } = lastTaken();
    expect(report).toMatchObject({
      urgency: "immediate_danger",
      immediate: { emergency_called: "yes" },
      report_kind: "grooming",
    });
    expect(report.jurisdiction.observer_country).toBe("GB");
  });

  it("takes something added afterwards as a report that names the first", async () => {
    const first = lastTaken().report.id;
    await button("Add something").click();
    await heading("Your report");
    await panel.getByLabel("Why do you suspect it?").fill("The thread was moved.");
    await panel.getByLabel("I report this in good faith.").check();
    await panel.keyboard.press("Control+Enter");
    await heading("Check what will be sent");
    await panel.keyboard.press("Control+Enter");
    await heading("Sent");
    expect(lastTaken().report).toMatchObject({ supersedes: first, urgency: "immediate_danger" });
  });
});

describe("sending", () => {
  it("a worker stopped while the exchange is silent loses nothing and sends once", async () => {
    await flagImage("drawing-1.png");
    await toReview();
    const before = exchange.taken.size;
    exchange.mood.reports = "hang";
    await panel.keyboard.press("Control+Enter");
    await heading("Sending…");
    await expect.poll(() => postsOfReports().length).toBeGreaterThan(0);
    await flagger.stopWorker();
    expect(exchange.taken.size).toBe(before);
    exchange.mood.reports = "take";
    // Any wake-up finds the record in "sending": nobody holds the lock, so it is sent again.
    await home();
    await expect.poll(() => exchange.taken.size, { timeout: 10_000 }).toBe(before + 1);
    await button("Outbox").click();
    await text("Nothing waits to be sent.");
    await panel.keyboard.press("Escape");
  });

  it("an answer lost on its way: the same bytes again, one report", async () => {
    await flagImage("drawing-1.png");
    await toReview();
    const [before, posts] = [exchange.taken.size, postsOfReports().length];
    exchange.mood.reports = "drop";
    await panel.keyboard.press("Control+Enter");
    await heading("Not sent yet");
    await text("Not sent: no connection.");
    await audit(panel, "unsent");
    exchange.mood.reports = "take";
    await panel.keyboard.press("Control+Enter");
    await heading("Sent");
    expect(exchange.taken.size).toBe(before + 1);
    const sent = postsOfReports().slice(posts);
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(new Set(sent.map(({ body }) => body.toString("latin1"))).size).toBe(1);
  });

  it("a receipt by another key is no receipt", async () => {
    await flagImage("drawing-1.png");
    await toReview();
    exchange.mood.reports = "bad_receipt";
    await panel.keyboard.press("Control+Enter");
    await heading("Not sent yet");
    await text("Not sent: the receipt could not be checked.");
    await emptyOutbox();
  });

  it("a refused report is mended, under a new id", async () => {
    await flagImage("drawing-1.png");
    await toReview();
    exchange.mood.reports = "refuse";
    await panel.keyboard.press("Control+Enter");
    await text("Not sent: a part of the report is not valid.");
    await audit(panel, "unsent-refused");
    await home();
    await button("Outbox").click();
    await text("Refused: a part of the report is not valid");
    await audit(panel, "outbox");
    exchange.mood.reports = "take";
    await button("Mend").click();
    await heading("Your report");
    await panel.keyboard.press("Control+Enter");
    await heading("Check what will be sent");
    await panel.keyboard.press("Control+Enter");
    await heading("Sent");
    await home();
    await button("Outbox").click();
    await text("Nothing waits to be sent.");
    await panel.keyboard.press("Escape");
  });
});

describe("options and the lock", () => {
  it("sets a passphrase, and says what is wrong with one", async () => {
    await home();
    await button("Options").click();
    await heading("Options");
    await panel.getByLabel("New passphrase").fill("short");
    await button("Set passphrase").click();
    await text("Too short. 10 characters are the least.");
    await panel.getByLabel("New passphrase").fill(PASSPHRASE);
    await panel.getByLabel("The same again").fill(PASSPHRASE);
    await button("Set passphrase").click();
    await text("A passphrase guards your drafts.");
    await button("Show diagnostics").click();
    await audit(panel, "options");
    const shown = await panel.locator("pre").innerText();
    expect(JSON.parse(shown)).toMatchObject({ enrolment: "active", passphrase: true });
    expect(shown).not.toMatch(/127|Example|BW-|drawing|hotline/);
  });

  it("theme and density take effect at once and are kept", async () => {
    const readStored = () =>
      panel.evaluate(async () => {
        const { chrome } = globalThis as unknown as {
          chrome: { storage: { local: { get(name: string): Promise<{ settings?: object }> } } };
        };
        return (await chrome.storage.local.get("settings")).settings;
      });
    const other = await flagger.panel();
    await panel.getByLabel("Theme").selectOption("dark");
    await panel.getByLabel("Text density").selectOption("compact");
    // Another page of the extension follows: the country, and with it the emergency number, is one of these.
    await expect
      .poll(() => other.evaluate(() => ({ ...document.documentElement.dataset })))
      .toEqual({ theme: "dark", density: "compact" });
    await other.close();
    await expect
      .poll(() => panel.evaluate(() => getComputedStyle(document.body).backgroundColor))
      .toBe("rgb(18, 24, 29)");
    await expect.poll(readStored).toMatchObject({ theme: "dark", density: "compact" });
    await home();
    expect(await panel.evaluate(() => ({ ...document.documentElement.dataset }))).toEqual({
      theme: "dark",
      density: "compact",
    });
    await button("Options").click();
    await panel.getByLabel("Theme").selectOption("system");
    await panel.getByLabel("Text density").selectOption("regular");
  });

  it("locked: the number stays, drafts are out of reach, signed reports still go", async () => {
    await flagImage("drawing-1.png");
    await toReview();
    exchange.mood.reports = "busy";
    await panel.keyboard.press("Control+Enter");
    await heading("Not sent yet");
    await button("Lock").click();
    await heading("Locked");
    await text("Call 999");
    await audit(panel, "locked");
    const before = exchange.taken.size;
    exchange.mood.reports = "take";
    await (await flagger.worker()).evaluate(() => {
      const chrome = (globalThis as unknown as { chrome: { alarms: { onAlarm: { dispatch(alarm: object): void } } } })
        .chrome;
      chrome.alarms.onAlarm.dispatch({ name: "outbox" });
    });
    // Its wait may not be over at the first wake-up; Retry-After was one second.
    await expect
      .poll(
        async () => {
          await (await flagger.worker()).evaluate(() => {
            const chrome = (
              globalThis as unknown as { chrome: { alarms: { onAlarm: { dispatch(alarm: object): void } } } }
            ).chrome;
            chrome.alarms.onAlarm.dispatch({ name: "outbox" });
          });
          return exchange.taken.size;
        },
        { timeout: 40_000, interval: 1000 },
      )
      .toBe(before + 1);
    expect(await panel.locator("body").innerText()).not.toContain("hxxp");
  });

  it("counts wrong tries down, and opens to the right passphrase", async () => {
    await panel.getByLabel("Passphrase").fill("not this one");
    await panel.keyboard.press("Control+Enter");
    await text("Not right. 4 tries left.");
    await audit(panel, "locked-wrong");
    await panel.getByLabel("Passphrase").fill(PASSPHRASE);
    await panel.keyboard.press("Control+Enter");
    await panel.getByRole("heading", { level: 1 }).filter({ hasNotText: "Locked" }).waitFor();
    // The window has not kept for itself what the lock took away: there is no draft to add something to.
    expect(await button("Add something").count()).toBe(0);
  });

  it("a pick made while locked waits and opens with the danger question", async () => {
    await button("Lock").click();
    await heading("Locked");
    await flagger.flag(thread, { menuItemId: "flag-image", srcUrl: `${site.origin}/drawing-1.png` });
    await panel.waitForTimeout(500);
    expect(await panel.getByRole("heading", { level: 1 }).innerText()).toBe("Locked");
    await panel.getByLabel("Passphrase").fill(PASSPHRASE);
    await panel.keyboard.press("Control+Enter");
    await heading("Is a child in danger now?");
    await home();
  });
});

describe("a browser that opens no store", () => {
  it("still shows the number of one's own country", async () => {
    const page = await flagger.context.newPage();
    await page.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("no store", "InvalidStateError");
      };
    });
    await page.goto(panel.url());
    await page.getByRole("heading", { level: 1, name: "The panel cannot open" }).waitFor();
    await page.getByText("Call 999").first().waitFor();
    await page.close();
  });
});

describe("a device that was switched off", () => {
  it("says by whom, keeps the number in sight, deletes only when asked twice", async () => {
    exchange.mood.device = "revoked";
    await panel.evaluate(() =>
      (
        globalThis as unknown as { chrome: { runtime: { sendMessage(m: object): Promise<unknown> } } }
      ).chrome.runtime.sendMessage({
        type: "check_enrolment",
      }),
    );
    await heading("This device was switched off");
    await text(/This device was switched off by Example Flaggers on/);
    await audit(panel, "revoked");
    await button("Delete what is kept here…").click();
    await audit(panel, "revoked-delete");
    await button("Wipe this device").click();
    await heading("Enter your invite code");
    expect(await panel.evaluate(async () => (await indexedDB.databases()).length)).toBeLessThanOrEqual(1);
  });
});
