/**
 * The main job from end to end, in real Chromium with the real extension, Worker and Postgres: a company's copy does not
 * know a picture; a flagger reports it; two people at the hotline assess it with hashes of their own and publish it; the
 * company's next sync finds it; the hotline withdraws it; it is gone. No imagery and no clear text reaches the exchange.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Agent, initAgent, mintInvite, startAgent } from "@breakwater/local/agent.ts";
import { runCommand } from "@breakwater/local/breakwater-command.ts";
import { type DemoSite, startDemoSite } from "@breakwater/local/demo-site.ts";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { formatPicture, PICTURES } from "@breakwater/local/pictures.ts";
import { type Seeded, seed } from "@breakwater/local/seed.ts";
import { mintLinks } from "@breakwater/local/welcome.ts";
import { type Browser, chromium, type Page } from "playwright-core";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Flagger, findChromium, startFlagger } from "./extension-browser.ts";
import { type Relay, startRelay } from "./recording-relay.ts";

const PICTURE = "boathouse";
const EXPLANATION = "Shown in a public thread with test-term-0001, six replies.";
const NOTE = "Compared with test-term-0002 at the source.";
const LISTED_MS = 30_000;
const SETTLED_MS = 120_000;

let home: string;
let relay: Relay;
let exchange: RunningExchange;
let site: DemoSite;
let seeded: Seeded;
let agent: Agent;
let links: Record<string, string>;
let flagger: Flagger;
let browser: Browser;
let picture: Buffer;
let picturePath: string;
let caseNumber: string;
const consoles: Record<string, Page> = {};
const violations: string[] = [];

const company = (...args: string[]) => runCommand(seeded.profiles.company.dir, args);
const hotline = (...args: string[]) => runCommand(seeded.profiles.hotline.dir, args);
type Hit = { set: string; entry: string; release: number };
/** What the company's copy says of the picture. */
async function hits(): Promise<Hit[]> {
  const { out } = await company("match", "--json", picturePath);
  return (JSON.parse(out) as { hits: Hit[] }).hits;
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "bw-loop-"));
  relay = await startRelay();
  exchange = await startExchange({ home, durable: false, env: { EXCHANGE_ORIGIN: relay.url } });
  relay.pointAt(exchange.url);
  const behindRelay = { ...exchange, url: relay.url };
  seeded = await seed({ home, exchange: behindRelay, say: () => {}, signal: new AbortController().signal });
  await initAgent(seeded.profiles.hotline);
  agent = await startAgent({ hotline: seeded.profiles.hotline, operator: seeded.profiles.operator, home });
  links = await mintLinks(seeded);
  site = await startDemoSite(0);
  const drawn = PICTURES.find(({ name }) => name === PICTURE);
  if (!drawn) throw new Error("the demo has no such picture");
  picture = Buffer.from(formatPicture(drawn));
  picturePath = join(home, `${PICTURE}.png`);
  writeFileSync(picturePath, picture);
  flagger = await startFlagger(inject("extension"));
  browser = await chromium.launch({ executablePath: findChromium(), headless: true, chromiumSandbox: false });
});
afterAll(async () => {
  await flagger?.close();
  await browser?.close();
  await agent?.stop();
  await site?.stop();
  await exchange?.stop();
  await relay?.close();
  if (home) rmSync(home, { recursive: true, force: true });
});

async function signIn(name: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) violations.push(message.text());
  });
  page.on("pageerror", (error) => violations.push(String(error)));
  await page.goto(links[name] as string);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Queue" }).waitFor();
  consoles[name] = page;
  return page;
}

/** Reads the case at the source, hashes the file with the command, and grades it; all by keyboard where a key exists. */
async function assess(page: Page): Promise<void> {
  const output = await hotline("hash", "--json", picturePath);
  await page.keyboard.press("h");
  await page.getByLabel("Result, one line a file").fill(output.out);
  await page.getByRole("button", { name: "Add hashes", exact: true }).click();
  await expect.poll(() => page.getByText("Same", { exact: true }).count()).toBe(4);
  for (const [group, key] of [
    ["verdict", "1"],
    ["act", "6"],
    ["age", "9"],
    ["production", "4"],
  ] as const) {
    await page.locator(`#${group} input`).first().focus();
    await page.keyboard.press(key);
  }
}

describe("the loop", () => {
  it("the company syncs a verified copy; the picture is in no set", async () => {
    const synced = await company("sync");
    expect(synced).toMatchObject({ code: 0 });
    expect(synced.out).toContain("252 entries verified");
    expect(await hits()).toEqual([]);
  });

  it("the first analyst signs in; her key is made in the browser and listed by the agent", async () => {
    await signIn("A. Analyst");
    const sql = postgres(exchange.databaseUrl, { max: 1 });
    try {
      await expect
        .poll(
          async () => (await sql`select count(*)::int as n from recipient_lists where cardinality(kids) = 2`)[0]?.n,
          { timeout: LISTED_MS },
        )
        .toBeGreaterThan(0);
    } finally {
      await sql.end();
    }
  });

  it("the flagger enrols, flags the picture in the page and sends the report", async () => {
    const invite = await mintInvite(seeded.profiles.hotline, seeded.profiles.operator);
    const panel = await flagger.panel();
    await panel.getByLabel("Address of the exchange").fill(relay.url);
    await panel.getByLabel("Invite code").fill(invite);
    await panel.getByLabel("Country you work in").selectOption("IE");
    await panel.keyboard.press("Control+Enter");
    await panel.getByRole("heading", { level: 1, name: "Ready" }).waitFor({ timeout: LISTED_MS });

    const thread = await flagger.context.newPage();
    await thread.goto(site.url);
    await thread.waitForLoadState("networkidle");
    await flagger.flag(thread, { menuItemId: "flag-image", srcUrl: `${site.url}pictures/${PICTURE}.png` });
    await panel.getByRole("heading", { level: 1, name: "Is a child in danger now?" }).waitFor();
    await panel.keyboard.press("2");
    await panel.getByRole("heading", { level: 1, name: "Your report" }).waitFor();
    await panel.getByRole("radio", { name: "Picture or video, suspected CSAM" }).check();
    await panel.getByLabel("Why do you suspect it?").fill(EXPLANATION);
    await panel.getByLabel("I report this in good faith.").check();
    await panel.keyboard.press("Control+Enter");
    await panel.getByRole("heading", { level: 1, name: "Check what will be sent" }).waitFor();
    await panel.keyboard.press("Control+Enter");
    await panel.getByRole("heading", { level: 1, name: "Sent" }).waitFor({ timeout: LISTED_MS });
    await panel.getByText("Signature checked").waitFor();
  });

  it("the first analyst reads it in her browser and assesses it with hashes of her own", async () => {
    const page = consoles["A. Analyst"] as Page;
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Queue" }).waitFor();
    await page.locator("tbody tr").first().waitFor();
    await page.keyboard.press("n");
    const heading = page.getByRole("heading", { level: 1, name: /^Case \d+$/ });
    await heading.waitFor();
    caseNumber = (await heading.innerText()).replace("Case ", "");
    await page.getByText(EXPLANATION).waitFor();
    expect(await page.locator("main").innerText()).toContain("hxxp://127[.]0[.]0[.]1");
    expect(await page.locator("main a").count()).toBe(0);
    await assess(page);
    await page.getByLabel("Note for the case (optional)").fill(NOTE);
    await page.keyboard.press("Control+Enter");
    await page.getByText("Saved. Another person assesses it next.").waitFor();
  });

  it("the second one, listed only now, reads the same report through a re-wrap and sees nothing of the first answer", async () => {
    const page = await signIn("B. Senior");
    const bodies: string[] = [];
    page.on("response", async (response) => {
      if (response.url().includes("/v1/hotline/cases/")) bodies.push(await response.text().catch(() => ""));
    });
    await expect
      .poll(
        async () => {
          await page.goto(`${relay.url}/#queue`);
          await page.goto(`${relay.url}/#case/${caseNumber}`);
          await page.getByText("Reports joined").waitFor();
          return page.getByText(EXPLANATION).count();
        },
        { timeout: LISTED_MS, interval: 2_000 },
      )
      .toBe(1);
    await page.getByText("You are the second assessor.").waitFor();
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) expect(JSON.parse(body).assessments ?? []).toEqual([]);
    expect(await page.locator("input:checked").count()).toBe(0);
    await assess(page);
    await page.keyboard.press("Control+Enter");
    await page.getByText("Both agree. Ready to publish.").waitFor();
  });

  it("sees the change, and signs release 2", async () => {
    const page = consoles["B. Senior"] as Page;
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.getByRole("heading", { level: 1, name: "Ready to publish" }).waitFor();
    await page.getByRole("button", { name: "Verified drawings, release 2…" }).click();
    await page.getByRole("heading", { level: 1, name: "Publish release 2" }).waitFor();
    await page.getByText("4 added").waitFor();
    await page.getByText("252 entries become 256").waitFor();
    await page.keyboard.press("Control+Enter");
    await page.getByRole("button", { name: "Sign release 2", exact: true }).click();
    await page.getByText("Release 2 is signed.").waitFor();
  });

  it("the company's next sync finds it", async () => {
    const synced = await company("sync");
    expect(synced).toMatchObject({ code: 0 });
    expect(synced.out).toMatch(/verified\s+release 2\s+\+4/);
    const found = await hits();
    expect(found).toHaveLength(4);
    for (const hit of found) expect(hit).toMatchObject({ set: "hotline.example/verified", release: 2 });
  });

  it("the hotline withdraws it, and it is gone from the company's copy", async () => {
    const ids = (await hits()).map(({ entry }) => entry);
    expect(ids).toHaveLength(4);
    expect(
      await hotline("withdraw", "--set", "verified", ...ids.flatMap((id) => ["--entry", id]), "--reason", "adult"),
    ).toMatchObject({ code: 0 });
    expect(await hits()).toHaveLength(4);
    const synced = await company("sync");
    expect(synced).toMatchObject({ code: 0 });
    expect(synced.out).toMatch(/verified\s+release 3\s+\+0 ~0 −4/);
    expect(await hits()).toEqual([]);
    const exported = await company("export", "hotline.example/verified", "--format", "ndjson");
    for (const id of ids) expect(exported.out).not.toContain(id);
  });

  it("the flagger is told so, in a word", async () => {
    const panel = await flagger.panel();
    await panel.getByRole("button", { name: "History" }).click();
    // Cases follow the sets within a minute.
    await expect
      .poll(
        async () => {
          await panel.getByRole("button", { name: "Look for news" }).click();
          return panel.getByText("Withdrawn").count();
        },
        { timeout: SETTLED_MS, interval: 5_000 },
      )
      .toBe(1);
  });
});

describe("what reached the exchange", () => {
  const clearText = () => [EXPLANATION, NOTE, "test-term-0001, six", `/pictures/${PICTURE}`, `pictures%2F${PICTURE}`];

  it("no request body held the picture, whole or in part, in any spelling", () => {
    expect(relay.requests.length).toBeGreaterThan(30);
    const parts = [
      picture.subarray(0, 24),
      picture.subarray(60, 96),
      picture.subarray(picture.length - 48, picture.length - 12),
    ];
    for (const { method, path, body } of relay.requests) {
      const latin = body.toString("latin1");
      for (const part of parts) {
        expect(body.includes(part), `${method} ${path}`).toBe(false);
        expect(latin.includes(part.toString("hex")), `${method} ${path}`).toBe(false);
        for (const spelling of ["base64", "base64url"] as const) {
          for (const shift of [0, 1, 2])
            expect(latin.includes(part.subarray(shift, shift + 18).toString(spelling)), `${method} ${path}`).toBe(
              false,
            );
        }
      }
    }
  });

  it("no body, row, object or log line held explanation, note or full address in clear", () => {
    const held: [string, string][] = relay.requests.map(({ method, path, body }) => [
      `${method} ${path}`,
      body.toString("latin1"),
    ]);
    const payloads = held.flatMap(([name, text]) =>
      [...text.matchAll(/"payload":"([\w-]+)"/g)].map(([, part]): [string, string] => [
        name,
        Buffer.from(part as string, "base64url").toString("latin1"),
      ]),
    );
    for (const [name, text] of [
      ...held,
      ...payloads,
      ...filesOf(join(home, "logs")),
      ...objectsOf(home),
      ["database", dumpDatabase()] as const,
    ]) {
      for (const clear of clearText()) expect(text.includes(clear), name).toBe(false);
    }
  });

  it("nothing broke the content policy", () => {
    expect(violations).toEqual([]);
    expect(flagger.violations).toEqual([]);
  });
});

/** Every row of every table as text; bytea in both spellings. */
function dumpDatabase(): string {
  const text = execFileSync(process.execPath, ["--input-type=module", "-e", DUMP, exchange.databaseUrl], {
    cwd: import.meta.dirname,
    maxBuffer: 1 << 30,
  }).toString("latin1");
  if (text.length < 10_000) throw new Error("the dump is too small to mean anything");
  return text;
}
const DUMP = `
import postgres from "postgres";
const sql = postgres(process.argv[1], { max: 1 });
const tables = await sql\`select table_schema as s, table_name as t from information_schema.tables where table_schema not in ('pg_catalog','information_schema') and table_type = 'BASE TABLE'\`;
for (const { s, t } of tables) {
  for await (const rows of sql\`select * from \${sql(s)}.\${sql(t)}\`.cursor(500)) {
    for (const row of rows) {
      process.stdout.write(JSON.stringify(row, (_, v) => (v?.type === "Buffer" ? Buffer.from(v.data).toString("latin1") : v)) + "\\n");
    }
  }
}
await sql.end();
`;

function filesOf(directory: string): [string, string][] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => [path, readFileSync(path, "latin1")]);
}

/** Everything under the home but the members' own machines: their profiles and the drawing itself. */
function objectsOf(directory: string): [string, string][] {
  return filesOf(directory).filter(
    ([path]) => !path.includes("/profiles/") && !path.includes("/postgres") && path !== picturePath,
  );
}
