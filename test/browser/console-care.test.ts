/** At one desk: what one person wrote stays theirs, a question takes the keys, strangers' words stay words, all by keyboard. */
import { sealFor } from "@breakwater/shared/sealed.ts";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CannedConsole } from "./canned-console.ts";
import { type ConsoleBrowser, startConsoleBrowser, WIDE } from "./console-browser.ts";
import { ALL_ROLES, CASE, fullAnswers, session } from "./console-samples.ts";

const NOTE = "Note for the case (optional)";
const WRITE_MS = 700;

let chromium: ConsoleBrowser;
let exchange: CannedConsole;
let desk: BrowserContext;
let page: Page;
let broken: string[];

beforeAll(async () => {
  chromium = await startConsoleBrowser();
  exchange = chromium.exchange;
});
afterAll(async () => {
  await chromium?.close();
});
beforeEach(async () => {
  chromium.answer(fullAnswers());
  desk = await chromium.browser.newContext({ viewport: WIDE });
  await desk.grantPermissions(["clipboard-read", "clipboard-write"], { origin: exchange.url });
  page = await desk.newPage();
  broken = chromium.watch(page);
});
afterEach(async () => {
  await desk.close();
  expect(broken).toEqual([]);
});

const open = (screen: string) => chromium.show(page, screen, { reload: true });

const note = () => page.getByLabel(NOTE);
const dialogs = () => page.locator("dialog[open]").count();
const posts = () => exchange.seen.filter((line) => line.startsWith("POST") && !/sealing-keys|preview/.test(line));

function signedInAs(id: string): void {
  const body = session(ALL_ROLES) as { person: { id: string } };
  exchange.answers["GET /v1/session"] = { body: { ...body, person: { ...body.person, id: id.repeat(32) } } };
}

/** Every answer a case asks for, by number keys; the focus is led there as a form's own order leads it. */
async function answerAll(): Promise<void> {
  await page.locator("#verdict input").first().focus();
  for (const name of ["verdict", "act", "age", "production"]) {
    await expect.poll(() => page.evaluate(() => (document.activeElement as HTMLInputElement).name)).toBe(name);
    await page.keyboard.press("1");
    await page.keyboard.press("Tab");
  }
}

async function pasteHashes(): Promise<void> {
  await page.keyboard.press("h");
  await page.locator("#source-hashes").waitFor();
  await page.locator("#source-hashes").fill(JSON.stringify({ sha256: "88ec8ac1".repeat(8) }));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect.poll(dialogs).toBe(0);
}

describe("a half-written answer", () => {
  test("is found again by the person who wrote it, and by nobody else at the same desk", async () => {
    await open("case/2041");
    await note().fill("first person's words");
    await page.locator("#act input").nth(2).check();
    await page.waitForTimeout(WRITE_MS);
    signedInAs("b");
    await open("case/2041");
    expect(await note().inputValue()).toBe("");
    expect(await page.locator("#act input:checked").count()).toBe(0);
    signedInAs("a");
    await open("case/2041");
    await expect.poll(() => note().inputValue()).toBe("first person's words");
  });

  test("is kept also when Escape follows the last letter at once", async () => {
    await open("case/2041");
    await note().pressSequentially("last letters");
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { level: 1, name: "Queue" }).waitFor();
    await open("case/2041");
    await expect.poll(() => note().inputValue()).toBe("last letters");
  });

  test("stays on the screen when somebody else was first, and the refusal says so", async () => {
    exchange.answers["POST /v1/hotline/cases/2041/assessments"] = {
      status: 409,
      body: { code: "case_conflict", title: "Somebody else saved this case", status: 409 },
    };
    await open("case/2041");
    await answerAll();
    await page.locator("h1").focus();
    await pasteHashes();
    await page.keyboard.press("Control+Enter");
    await page.getByText("Yours is kept below; nothing was overwritten.").waitFor();
    expect(await page.locator("#act input:checked").count()).toBe(1);
  });
});

describe("a question in front of the screen", () => {
  test("takes the keys: nothing behind it is saved, left or opened", async () => {
    await open("case/2041");
    await answerAll();
    await page.locator("h1").focus();
    await pasteHashes();
    await page.keyboard.press("x");
    await expect.poll(dialogs).toBe(1);
    for (const key of ["Control+Enter", "h", "u", "r", "g", "q", "]"]) await page.keyboard.press(key);
    expect(await dialogs()).toBe(1);
    expect(posts()).toEqual([]);
    await page.keyboard.press("Escape");
    await expect.poll(dialogs).toBe(0);
    expect(await page.locator("h1").innerText()).toBe("Case 2041");
  });

  test("takes effect only with its reason", async () => {
    exchange.answers["POST /v1/hotline/cases/2041/unverifiable"] = { body: {} };
    await open("case/2041");
    await page.keyboard.press("u");
    const verb = page.getByRole("button", { name: "Note as not verifiable" });
    await verb.focus();
    await page.keyboard.press("Enter");
    expect(posts()).toEqual([]);
    await page.locator("#reason input").first().focus();
    await page.keyboard.press("1");
    await verb.focus();
    await page.keyboard.press("Enter");
    await page.getByText("Noted as not verifiable.").waitFor();
    expect(posts()).toEqual(["POST /v1/hotline/cases/2041/unverifiable"]);
  });
});

describe("without a pointer", () => {
  test("a case is opened, assessed and saved", async () => {
    const answer = { comparison: "agree", case: CASE.case, state: "verified" };
    exchange.answers["POST /v1/hotline/cases/2041/assessments"] = { body: answer };
    await open("queue");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Case 2041" }).waitFor();
    // The heading stands while the case is still loading; the keys come with its form.
    await note().waitFor();
    await pasteHashes();
    for (let tabs = 0; tabs < 30; tabs += 1) {
      if ((await page.evaluate(() => (document.activeElement as HTMLInputElement | null)?.name)) === "verdict") break;
      await page.keyboard.press("Tab");
    }
    await answerAll();
    await page.keyboard.press("Control+Enter");
    await expect.poll(posts).toEqual(["POST /v1/hotline/cases/2041/assessments"]);
  });

  test("a release is signed, at a second key and not at a held one", async () => {
    exchange.answers["POST /v1/hotline/publications"] = { body: {} };
    await open("publish/hotline.example/verified");
    await page.keyboard.down("Control");
    for (let held = 0; held < 3; held += 1) await page.keyboard.down("Enter");
    await page.keyboard.up("Enter");
    await page.keyboard.up("Control");
    await page.getByRole("button", { name: "Sign release 419", exact: true }).waitFor();
    expect(posts()).toEqual([]);
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
    for (let tabs = 0; tabs < 4 && (await focused()) !== "Sign release 419"; tabs += 1)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect.poll(posts).toEqual(["POST /v1/hotline/publications"]);
  });
});

describe("what a flagger wrote", () => {
  const URL = "https://forum.example/t/1042?u=https://cdn.example/a.jpg";

  /** The key is made in the page; the report is sealed to what it asked to be listed. */
  async function openSealedCase(): Promise<void> {
    const asked = page.waitForRequest((request) => request.url().endsWith("/v1/hotline/sealing-keys"));
    await open("queue");
    const { sealing_key: jwk } = (await asked).postDataJSON();
    const kid = await page.evaluate(async () => {
      const opening = indexedDB.open("breakwater-console");
      const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
      const keys = db.transaction("keys").objectStore("keys").getAll();
      const all = await new Promise<{ kid?: string }[]>((resolve) => (keys.onsuccess = () => resolve(keys.result)));
      db.close();
      return all.find((key) => key.kid)?.kid ?? "";
    });
    const { sealed, sealed_digest } = await sealFor([{ kid, jwk }], {
      locations: [{ url: URL, url_canonical: URL }],
      explanation: "Posted again at https://board.example/x and www.other.example, file \u202egpj.exe",
      accounts: [{ service: "chat.example", handle: "http://chat.example/u/test-term-0001", relation: "unknown" }],
    });
    const report = CASE.reports[0];
    const payload = {
      schema: "report/1",
      id: report?.report_id,
      created_at: "2026-11-22T12:00:00.000Z",
      observed_at: "2026-11-22T12:00:00.000Z",
      observed_precision: "minute",
      client: { name: "test", version: "1", browser_family: "chromium", os_family: "linux" },
      reporter: { member: "flaggers", device_id: "0".repeat(32), role: "flagger" },
      test: false,
      report_kind: "csam",
      urgency: "standard",
      good_faith: { accepted: true, version: "gf-1" },
      jurisdiction: { observer_country: "IE" },
      language: "en",
      sharing: "exchange_members",
      locations: [{ role: "page", domain: "forum.example", url_digest: "0".repeat(64) }],
      items: [],
      sealed,
      sealed_digest,
    };
    exchange.answers["GET /v1/hotline/cases/2041"] = { body: { ...CASE, reports: [{ ...report, payload }] } };
    await open("case/2041");
    await page.getByText("Posted again at").waitFor();
  }

  test("shows no live address and no unseen mark", async () => {
    await openSealedCase();
    const text = await page.locator("main").innerText();
    expect(text).not.toMatch(/https?:\/\/|\u202e|www\.other/i);
    expect(text).toContain("hxxps://board[.]example/x");
    expect(text).toContain("hxxps://forum[.]example/t/1042?u=https[:]//cdn");
    expect(text).toContain("\\u202egpj.exe");
    expect(await page.locator("main a").count()).toBe(0);
  });

  test("an address is copied only once the case log has it", async () => {
    await openSealedCase();
    await page.evaluate(() => navigator.clipboard.writeText("before"));
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    const button = page.getByRole("button", { name: "Copy address" });
    exchange.answers["POST /v1/hotline/cases/2041/copied"] = {
      status: 503,
      body: { code: "busy", title: "The exchange is busy", status: 503 },
    };
    await button.click();
    await page.getByText("Not copied: it could not be noted in the case log.").waitFor();
    expect(await copied()).toBe("before");
    exchange.answers["POST /v1/hotline/cases/2041/copied"] = { body: {} };
    await button.click();
    await page.getByText("Copied. Noted in the case log.").waitFor();
    expect(await copied()).toBe(URL);
  });

  test("leaves the screen with the session, and a session that has ended can be left", async () => {
    await openSealedCase();
    const over = { status: 401, body: { code: "session_expired", title: "Session has ended", status: 401 } };
    exchange.answers["POST /v1/hotline/cases/2041/return"] = over;
    exchange.answers["DELETE /v1/session"] = over;
    await note().fill("typed words stay");
    await page.locator("h1").focus();
    await page.keyboard.press("r");
    await page.getByText("Your session has ended.").waitFor();
    expect(await page.locator("main").innerText()).not.toMatch(/board\[|forum\[|test-term/);
    expect(await note().inputValue()).toBe("typed words stay");
    await page.getByRole("button", { name: "End session" }).first().click();
    await page.getByText("You need a sign-in link.").waitFor();
    expect(await page.locator("body").innerText()).not.toContain("typed words");
  });
});
