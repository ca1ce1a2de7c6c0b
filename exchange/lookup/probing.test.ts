/** A walk through a long list by one key, whose next buckets are lent to it: noticed, slowed down, and counted whole. */
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  openTestExchange,
  openTestLookup,
  openTestPublisher,
  put,
  type TestExchange,
  testHash,
} from "../testing/index.ts";

const BITS = 11;
let x: TestExchange;
beforeAll(async () => {
  x = await openTestExchange();
});
afterAll(() => x.close());

it("a walk by one key is noticed, though buckets are lent to it", async () => {
  const lookup = openTestLookup(x);
  const set = await (await openTestPublisher(x)).openSet("many", { audience: { tier: "vetted" } });
  await set.publish([put(testHash(1))]);
  const walker = await x.member({ tier: "vetted" });
  await lookup.build();
  // As an index of a million entries lies there, without making them.
  const [row] = await x.sql<{ id: number; folder: string; epoch: number }[]>`
    update lookup_indexes set bits = ${BITS} where name = 'vetted' returning id::float8 as id, folder, epoch`;
  if (row === undefined) throw new Error("no index");
  const name = (prefix: number) => `lookup/${row.folder}/${row.epoch}/${prefix}`;
  const prefixes = Array.from({ length: 2 ** BITS }, (_, prefix) => prefix);
  await x.sql`
    insert into lookup_buckets (index_id, prefix, epoch, object)
    select ${row.id}, p, ${row.epoch}, o from unnest(${prefixes}::int[], ${prefixes.map(name)}::text[]) as given(p, o)
    on conflict do nothing`;
  for (const prefix of prefixes.slice(1)) await x.objects.put(name(prefix), new Uint8Array(24));
  const statuses: number[] = [];
  for (const prefix of prefixes.slice(1, 513)) {
    statuses.push((await lookup.bucket(walker.key, `vetted-b${BITS}`, row.epoch, prefix)).status);
  }
  const answered = statuses.filter((status) => status === 200).length;
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(100);
  expect(statuses.slice(0, 64)).toEqual(new Array(64).fill(200));
  const { uses } = (await (await x.request("/v1/operator/lookups", { key: x.operatorKey })).json()) as {
    uses: { probing: boolean; asked: number; distinct: number }[];
  };
  expect(uses[0]?.probing).toBe(true);
  expect(uses[0]?.distinct).toBeGreaterThanOrEqual(answered);
});
