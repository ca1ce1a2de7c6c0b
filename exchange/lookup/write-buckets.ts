/** The buckets of an epoch that is being built: read from the tags, padded, stored, a few at a time. */

import { parseHex } from "@breakwater/shared/bytes.ts";
import { LOOKUP_BITS_MAX, LOOKUP_CODE, RECORD_BYTES, SETS_A_GROUP } from "@breakwater/shared/lookup.ts";
import { type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import type { IndexRow, Plan } from "./epoch.ts";
import { objectName } from "./lease.ts";
import { BUCKETS_A_STEP, PUTS_AT_ONCE, STEP_MS } from "./limits.ts";
import { openPadder } from "./pad.ts";

export const LOOKUP_PREFIX = "lookup/";

/** `overfull`: a bucket needs more records than the plan has; the epoch has to be begun anew. */
export type Written = { last: number } | { overfull: number } | "all";

/**
 * As many of the epoch's buckets as fit one step, after bucket `after`. Doing it again, after a kill, writes them again.
 */
export async function writeBuckets(
  deps: Deps,
  index: IndexRow,
  { epoch, plan, after }: { epoch: number; plan: Plan; after: number },
): Promise<Written> {
  const deadline = deps.now().getTime() + STEP_MS;
  const pad = await openPadder(parseHex(plan.secret), { bits: plan.bits, size: plan.records });
  let last = after;
  do {
    const prefixes = await nextPrefixes(deps, index, { epoch, plan, after: last });
    if (prefixes.length === 0) return "all";
    const records = await readRecords(deps, index, { epoch, plan, prefixes });
    const largest = Math.max(0, ...[...records.values()].map((bytes) => bytes.length / RECORD_BYTES));
    if (largest > plan.records) return { overfull: largest };
    const named = await nameObjects(deps, index, epoch, prefixes);
    for (let at = 0; at < named.length; at += PUTS_AT_ONCE) {
      await Promise.all(
        named.slice(at, at + PUTS_AT_ONCE).map(async ({ prefix, object }) => {
          const bytes = await pad(prefix, records.get(prefix) ?? new Uint8Array(0));
          await deps.objects.put(object, bytes, { size: bytes.length });
        }),
      );
      await deps.killPoint("lookup_between_buckets");
    }
    last = prefixes.at(-1) as number;
  } while (deps.now().getTime() < deadline);
  return { last };
}

type Where = { epoch: number; plan: Plan };

/** All of them for a whole rebuild, otherwise those with changes, which are marked as taken up. */
async function nextPrefixes(
  { sql }: Deps,
  { id }: IndexRow,
  { epoch, plan: { bits, whole }, after }: Where & { after: number },
): Promise<number[]> {
  const shift = LOOKUP_BITS_MAX - bits;
  const last = whole ? Math.min(after + BUCKETS_A_STEP, 2 ** bits - 1) : undefined;
  const rows = await sql<{ prefix: number }[]>`
    select distinct bucket >> ${shift}::int as prefix from lookup_dirty
    where index_id = ${id} and (building is null or building = ${epoch}) and bucket >= ${(after + 1) << shift}
    order by 1 limit ${BUCKETS_A_STEP}`;
  const until = last ?? rows.at(-1)?.prefix;
  if (until === undefined) return [];
  await sql`
    update lookup_dirty set building = ${epoch}
    where index_id = ${id} and building is null
      and bucket >= ${(after + 1) << shift} and bucket < ${(until + 1) << shift}`;
  if (last === undefined) return rows.map(({ prefix }) => prefix);
  return Array.from({ length: Math.max(0, last - after) }, (_, i) => after + 1 + i);
}

/**
 * Records as they lie in a bucket, made and sorted in the database: tag, mask, code.
 *
 * One range of the index a query, for neighbours together: joined to a list of ranges, the planner compares every tag
 * with every range (22 s in place of 0.6 s for 128 buckets at 10⁶ entries).
 */
async function readRecords(
  deps: Deps,
  index: IndexRow,
  { epoch, plan: { bits }, prefixes }: Where & { prefixes: readonly number[] },
): Promise<Map<number, Uint8Array>> {
  const records = new Map<number, Uint8Array>();
  for (const [first, last] of runsOf(prefixes)) {
    const rows = await readRange(deps, index, { epoch, bits, first, last });
    for (const row of rows) records.set(row.prefix, row.records);
  }
  return records;
}

/** Pure: rising numbers as first and last of those that follow each other. */
function runsOf(numbers: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

async function readRange(
  { sql }: Deps,
  { id }: IndexRow,
  { epoch, bits, first, last }: { epoch: number; bits: number; first: number; last: number },
): Promise<{ prefix: number; records: Uint8Array }[]> {
  const shift = LOOKUP_BITS_MAX - bits;
  const { recalled, group } = LOOKUP_CODE;
  return sql<{ prefix: number; records: Uint8Array }[]>`
    select prefix,
      string_agg(tag || substring(int8send(mask) from 5) || substring(int8send(code) from 5), ''::bytea order by tag, code) as records
    from (
      select t.bucket >> ${shift}::int as prefix, t.tag, bit_or(1::bigint << (s.slot % ${SETS_A_GROUP}::int)) as mask,
        (t.code | case when t.recalled then ${1 << recalled.shift}::int else 0 end)::bigint
          | ((s.slot / ${SETS_A_GROUP}::int)::bigint << ${group.shift}::int) as code
      from lookup_tags t
      join lookup_slots s on s.index_id = ${id} and s.epoch = ${epoch} and s.set_id = t.set_id
      where t.bucket >= ${first << shift} and t.bucket < ${(last + 1) << shift}
      group by 1, t.tag, 4) as record
    group by prefix`;
}

/**
 * Names before bytes: whatever a kill leaves in the store, a row names it. What an earlier try of this step wrote under
 * the same names goes first: nobody has been told of them yet.
 */
async function nameObjects(
  deps: Deps,
  { id, folder }: IndexRow,
  epoch: number,
  prefixes: readonly number[],
): Promise<{ prefix: number; object: string }[]> {
  const named = prefixes.map((prefix) => ({ prefix, object: objectName(folder, epoch, prefix) }));
  const before = await transaction(deps, async ({ sql }: Tx) => {
    const old = await sql<{ object: string }[]>`
      delete from lookup_buckets where index_id = ${id} and epoch = ${epoch} and prefix = any(${[...prefixes]}::int[])
      returning object`;
    await sql`
      insert into lookup_buckets (index_id, prefix, epoch, object)
      select ${id}, p, ${epoch}, o from unnest(${[...prefixes]}::int[], ${named.map(({ object }) => object)}::text[]) as given(p, o)`;
    return old;
  });
  if (before.length > 0) await deps.objects.delete(before.map(({ object }) => object));
  return named;
}
