/** What a member finds, said through the real exchange to the publisher; and what the publisher takes back, found again at the member. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OpinionsPage } from "@breakwater/shared/wire/opinions.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { afterSync } from "../../client/controls/after-sync.ts";
import { openExchange } from "../../client/http/index.ts";
import { openProfile } from "../../client/profile/profile.ts";
import { type CommandScene, openCommandScene } from "./command-scene.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const SET = "hotline.example/verified";
const UPLOADS = 6;
const LOOKED_AT = 5;
const DAY_MS = 86_400_000;

type Hit = { hit_ref: string; entry: string; action: string };
let scene: CommandScene;
let hits: Hit[];
const entry = () => hits[0]?.entry as string;
const today = () => new Date().toISOString().slice(0, 10);

beforeAll(async () => {
  scene = await openCommandScene();
  const publisher = await scene.publisher("hotline");
  await scene.done("hotline", "root", "create", "--custody", "member");
  await scene.publishFirst("hotline", 1, 2, 3);
  await scene.subscriber("north", publisher);
  await scene.done("north", "sync", SET);
});
afterAll(() => scene.close());

/** A round's end as the daemon runs it, a day later: today is told when it is over. */
async function settleTomorrow(profile: string) {
  const profileDir = scene.profileOf(profile);
  const { stateDir, exchange: origin, apiKey } = await openProfile(profileDir);
  const exchange = openExchange({ origin, apiKey });
  return afterSync({ stateDir, profileDir, exchange, now: new Date(Date.now() + DAY_MS) });
}

async function shown(profile: string): Promise<Response> {
  const { api_key: key } = JSON.parse(await readFile(join(scene.profileOf(profile), "profile.json"), "utf8"));
  return scene.exchange.request(`/v1/sets/${SET}/opinions`, { key });
}

const page = async () => OpinionsPage.parse(await (await shown("hotline")).json());

describe("from a match to the publisher and back", () => {
  it("a member matches six uploads, looks at five, and says what it found", async () => {
    const uploads = join(scene.dir, "uploads");
    await mkdir(uploads);
    // What entry 1 lists is the hash of these bytes.
    for (let n = 0; n < UPLOADS; n++) await writeFile(join(uploads, `upload-${n}.bin`), "file 1");
    const { stdout } = await scene.done("north", "match", "--json", uploads);
    const lines = stdout.trim().split("\n");
    hits = lines.flatMap((line) => (JSON.parse(line) as { hits: Hit[] }).hits);
    expect(hits.length).toBe(UPLOADS);
    expect(new Set(hits.map((hit) => hit.entry)).size).toBe(1);
    for (const [at, { hit_ref }] of hits.slice(0, LOOKED_AT).entries()) {
      const more = at === 0 ? ["--named"] : at === 1 ? ["--later"] : [];
      await scene.done("north", "opinion", "--hit", hit_ref, "--verdict", "rejected", "--reason", "adult", ...more);
    }
    const { entries } = await page();
    expect(entries).toMatchObject([{ entry: entry(), listed: true, verdicts: { rejected: "few", confirmed: 0 } }]);
    // The last word of the member was said without its name.
    expect(entries[0]?.named).toEqual([]);
    expect(entries[0]?.outcomes).toMatchObject({ matched: 0, reviewed: 0 });
  });

  it("once the day is over the publisher sees how often it hit and what people found, and nobody else does", async () => {
    expect((await settleTomorrow("north")).opinions).toMatchObject({ sent: 2, ignored: 0, refused: [], waiting: 0 });
    const { entries } = await page();
    expect(entries).toMatchObject([
      {
        entry: entry(),
        verdicts: { confirmed: 0, rejected: "few", unclear: 0 },
        reasons: { adult: "few" },
        outcomes: { matched: UPLOADS, reviewed: LOOKED_AT, confirmed: 0, rejected: LOOKED_AT, overturned: 0 },
        seen_by: "few",
        last_day: today(),
      },
    ]);
    expect((await shown("north")).status).toBe(403);
    // Told again, it changes nothing.
    expect((await settleTomorrow("north")).opinions).toMatchObject({ sent: 0, waiting: 0 });
    expect((await page()).entries).toEqual(entries);
  });

  it("what the publisher withdraws is marked by the next sync and listed for undoing", async () => {
    await scene.done("hotline", "withdraw", "--set", "verified", "--entry", entry(), "--reason", "adult");
    const synced = await scene.done("north", "sync", SET);
    expect(synced.stderr).toContain(`withdrew 1 entry that hit here ${UPLOADS} times`);
    const { stdout } = await scene.done("north", "undo", "--taken-back", "--observed", "--json");
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ hit_ref }) => hit_ref).sort()).toEqual(hits.map(({ hit_ref }) => hit_ref).sort());
    expect(rows.every(({ state, set }) => state === "withdrawn" && set === SET)).toBe(true);
    expect((await page()).entries).toMatchObject([{ entry: entry(), listed: false }]);
  });
});
