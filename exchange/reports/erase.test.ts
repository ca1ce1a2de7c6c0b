/** Take-back at the exchange, end to end: what was published from a report is gone from every table, and its counts stay. */

import { digestHex } from "@breakwater/shared/bytes.ts";
import type { ReleaseStatement } from "@breakwater/shared/release.ts";
import type { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publishEntries } from "../sets/index.ts";
import {
  expectProblem,
  openTestExchange,
  openTestHotline,
  type TestExchange,
  type TestHotline,
} from "../testing/index.ts";

const DAY_MS = 86_400_000;
let x: TestExchange;
let reader: string;
beforeAll(async () => {
  x = await openTestExchange();
  reader = (await x.member()).key;
});
afterAll(() => x.close());

async function takeBack(h: TestHotline, ids: string[], purpose?: "erasure"): Promise<void> {
  const [row] = await x.sql<{ id: string }[]>`select id from members where name = ${h.member.name}`;
  const by = { kind: "key", keyId: "test", memberId: row?.id, publisher: h.publisher.publisher } as never;
  await x.withDeps(async (deps) => {
    await publishEntries(deps, {
      publisher: h.publisher.publisher,
      set: "verified",
      puts: [],
      dels: ids.map((id) => ({ id, why: "withdrawn" as const })),
      by,
      ...(purpose === undefined ? {} : { purpose }),
    });
  });
  // Publishing here is no request; the nudge is.
  await x.runJobs();
}

/** How a text reads in base64url when `offset` bytes of a group stand before it; what its neighbours decide is left out. */
function base64Within(text: string, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]).toString("base64url");
  return encoded.slice(offset === 0 ? 0 : offset + 1, -2);
}

/** Tables with a column in which the text stands. */
async function findEverywhere(text: string): Promise<string[]> {
  const tables = await x.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = current_schema() order by 1`;
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await x.sql`select 1 from ${x.sql(name)} t where t::text like ${`%${text}%`} limit 1`;
    // A bytea prints as hex, and a signed payload is base64url inside its envelope: at any of three places in a group.
    const spelled = [text, ...[0, 1, 2].map((offset) => base64Within(text, offset))];
    const inBytes = await x.sql`
      select 1 from ${x.sql(name)} t
      where t::text like any(${spelled.flatMap((one) => [`%${one}%`, `%${Buffer.from(one).toString("hex")}%`])}::text[]) limit 1`;
    if (rows.length + inBytes.length > 0) found.push(name);
  }
  return found;
}

describe("an erasure", () => {
  it("leaves the value in no table and no object, and says what it destroyed", async () => {
    const h = await openTestHotline(x);
    const { number, report } = await h.verify({ file: "51", url: "https://a.example/" });
    const value = report.items[0]?.hashes[0]?.value as string;
    await h.publish([number]);
    const [id] = (await h.getCase(h.people.a, number)).published?.entries ?? [];
    const head = await x.request(`${h.set.path}/head`, { key: reader });
    const envelope = (await head.json()) as { payload: string };
    const statement = JSON.parse(Buffer.from(envelope.payload, "base64url").toString()) as ReleaseStatement;
    const blob = `/v1/blobs/sha256/${digestHex(statement.manifest)}`;
    expect((await x.request(blob, { key: reader })).status).toBe(200);
    expect(await findEverywhere(value)).toEqual(
      expect.arrayContaining(["entry_versions", "case_entries", "report_hashes"]),
    );

    await takeBack(h, [id as string], "erasure");
    expect(await findEverywhere(value)).toEqual([]);
    await expectProblem(await x.request(blob, { key: reader }), "blob_gone");
    await expectProblem(await x.request(blob, { key: h.member.key }), "blob_gone");
    const stranger = await openTestHotline(x);
    expect((await x.request(`/v1/blobs/sha256/${"0".repeat(64)}`, { key: stranger.member.key })).status).toBe(404);
    const { gunzipSync } = await import("node:zlib");
    for (const key of x.objects.keys()) {
      const bytes = x.objects.bytes(key) as Uint8Array;
      const plain = bytes[0] === 0x1f ? gunzipSync(bytes) : Buffer.from(bytes);
      expect(plain.toString("utf8"), key).not.toContain(value);
    }
    const applied = (await (await x.request(`${h.set.path}/applied`, { key: h.member.key })).json()) as AppliedAnswer;
    expect(applied.releases[0]?.purged).toMatchObject({ rows: 1 });
    expect(applied.releases[0]?.purged?.blobs).toBeGreaterThan(0);
    expect(applied.releases[0]?.purged?.derived).toBeGreaterThan(1);
    const status = await x.request(`/v1/reports/${report.id}`, {
      device: await h.device.proof(`/v1/reports/${report.id}`),
    });
    expect(await status.json()).toMatchObject({ state: "withdrawn" });
  });

  it("takes a case with it of which something else stays listed", async () => {
    const h = await openTestHotline(x);
    const { number: gone, report } = await h.verify({ file: "52", url: "https://a.example/" });
    const { number: kept, report: other } = await h.verify({ file: "53", url: "https://b.example/" });
    await h.publish([gone, kept]);
    const [id] = (await h.getCase(h.people.a, gone)).published?.entries ?? [];
    await takeBack(h, [id as string], "erasure");
    expect(await findEverywhere(report.items[0]?.hashes[0]?.value as string)).toEqual([]);
    expect(await findEverywhere(other.items[0]?.hashes[0]?.value as string)).toContain("case_entries");
    expect((await h.getCase(h.people.a, kept)).state).toBe("published");
  });
});

describe("a withdrawal", () => {
  it("waits for its purge date, and then leaves no value either", async () => {
    const h = await openTestHotline(x);
    const { number, report } = await h.verify({ file: "54", url: "https://a.example/" });
    const value = report.items[0]?.hashes[0]?.value as string;
    await h.publish([number]);
    const [id] = (await h.getCase(h.people.a, number)).published?.entries ?? [];
    await takeBack(h, [id as string]);
    expect(await findEverywhere(value)).toContain("case_entries");
    x.clock.advance(6 * DAY_MS);
    await x.runJobs();
    expect(await findEverywhere(value)).toContain("entry_versions");
    x.clock.advance(2 * DAY_MS);
    await x.tick();
    await x.runJobs();
    expect(await findEverywhere(value)).toEqual([]);
  });
});
