/**
 * A few buckets ahead, for seconds: whoever has just been let in and counted asks the next buckets of a batch without
 * the database. What is lent is charged beforehand and given back unused, so a Worker that ends early costs the member a
 * little of its day and gives nothing away. A revoked key, a narrowed audience or a new epoch counts here within
 * {@link LEASE_MS}.
 */

import { equalBytes, sha256, utf8Of } from "@breakwater/shared/bytes.ts";
import type { KeyCaller } from "../platform/caller.ts";
import type { Deps } from "../platform/deps.ts";
import {
  BUCKETS_HELD_MS,
  isProbing,
  LEASE_LEFT_MS,
  LEASE_MS,
  LEASES_LEFT_A_TIME,
  LEASES_MAX,
  leaseSize,
} from "./limits.ts";
import { noteProbing } from "./uses.ts";

export type LeasedIndex = { id: number; folder: string; name: string; bits: number; epoch: number; endsAt: Date };
export type Lease = {
  caller: KeyCaller;
  /** Of the whole authorisation as it came. */
  digest: Uint8Array;
  index: LeasedIndex;
  /** By bucket: the epoch in which it was written. */
  places: Uint32Array;
  day: string;
  untilMs: number;
  left: number;
  used: number[];
};

// Of an instance of the Worker; nothing of a request lives in it. By exchange, key and index: a key may hold several.
const leases = new Map<string, Lease>();
const nameOf = ({ config }: Deps, keyId: string, index: string) => `${config.origin} ${keyId} ${index}`;
const KEY_ID = /^Bearer bw_([0-9a-f]{16})_/i;

/** The caller of a lease in force that was taken with this very authorisation, and no other. */
export async function findLeaseholder(
  deps: Deps,
  authorization: string | undefined,
  index: string,
): Promise<KeyCaller | undefined> {
  const [, keyId] = KEY_ID.exec(authorization ?? "") ?? [];
  if (authorization === undefined || keyId === undefined) return undefined;
  const lease = findLease(deps, keyId, index);
  if (lease === undefined) return undefined;
  return equalBytes(lease.digest, await sha256(utf8Of(authorization))) ? lease.caller : undefined;
}

function findLease(deps: Deps, keyId: string, index: string): Lease | undefined {
  const lease = leases.get(nameOf(deps, keyId, index));
  const nowMs = deps.now().getTime();
  // A clock that was set back ends leases too.
  return lease !== undefined && lease.left > 0 && nowMs < lease.untilMs && nowMs >= lease.untilMs - LEASE_MS
    ? lease
    : undefined;
}

/** Spend one of what is lent. @returns where the bucket's bytes are, or undefined when the database is to be asked */
export function spend(
  deps: Deps,
  { keyId }: KeyCaller,
  { index, bits, epoch, prefix }: { index: string; bits: number; epoch: number; prefix: number },
): { object: string; endsAt: Date } | undefined {
  const lease = findLease(deps, keyId, index);
  if (lease === undefined || lease.index.bits !== bits || lease.index.epoch !== epoch) return undefined;
  const written = lease.places[prefix];
  if (written === undefined || lease.index.endsAt <= deps.now()) return undefined;
  lease.left -= 1;
  lease.used.push(prefix);
  return { object: objectName(lease.index.folder, written, prefix), endsAt: lease.index.endsAt };
}

export function objectName(folder: string, epoch: number, prefix: number): string {
  return `lookup/${folder}/${epoch}/${prefix}`;
}

/** After an answer that was counted, and not before it: lend this key the next few. */
export async function lend(
  deps: Deps,
  caller: KeyCaller,
  authorization: string,
  index: LeasedIndex & { budget: number },
  day: string,
): Promise<void> {
  const name = nameOf(deps, caller.keyId, index.name);
  if (findLease(deps, caller.keyId, index.name) !== undefined || leases.size >= LEASES_MAX) return;
  const size = leaseSize(index.budget);
  const [charged] = await deps.sql<{ lent: number }[]>`
    with before as (
      select asked, budget from lookup_uses
      where member_id = ${caller.memberId} and index_name = ${index.name} and day = ${day}::date and not probing for update)
    update lookup_uses u set asked = u.asked + least(${size}::int, b.budget - b.asked),
      lent = u.lent + least(${size}::int, b.budget - b.asked)
    from before b
    where u.member_id = ${caller.memberId} and u.index_name = ${index.name} and u.day = ${day}::date and b.asked < b.budget
    returning least(${size}::int, b.budget - b.asked) as lent`;
  if (charged === undefined) return;
  const places = await readPlaces(deps, index);
  const digest = await sha256(utf8Of(authorization));
  const untilMs = deps.now().getTime() + leaseMs(deps);
  // Nothing is waited for between the look and the change.
  const other = leases.get(name);
  leases.set(name, { caller, digest, index, places, day, untilMs, left: charged.lent, used: [] });
  // Two of one batch were let in at once: what the first was lent goes back.
  if (other !== undefined) await settle(deps, other);
}

/** From half of it to all: leases that were taken together do not end together. */
function leaseMs({ random }: Deps): number {
  const [byte = 0] = random(1);
  return Math.ceil((LEASE_MS / 2) * (1 + byte / 255));
}

const placesOf = new Map<string, Uint32Array>();
const PLACES_MAX = 16;

/** Which epoch wrote each bucket of an index as served: the same for as long as the epoch is. */
async function readPlaces({ sql, config }: Deps, { id, folder, epoch, bits }: LeasedIndex): Promise<Uint32Array> {
  const name = `${config.origin} ${folder} ${epoch}`;
  const held = placesOf.get(name);
  if (held !== undefined) return held;
  const [row] = await sql<{ epochs: Uint8Array | null }[]>`
    select string_agg(int4send(epoch), ''::bytea order by prefix) as epochs from lookup_buckets
    where index_id = ${id} and epoch <= ${epoch} and (ended is null or ended > ${epoch})`;
  const bytes = row?.epochs ?? new Uint8Array(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Replaced meanwhile: nothing is said of where its buckets are, and the database is asked.
  const count = bytes.length === 4 * 2 ** bits ? 2 ** bits : 0;
  const places = Uint32Array.from({ length: count }, (_, prefix) => view.getUint32(4 * prefix));
  const [oldest] = placesOf.keys();
  if (placesOf.size >= PLACES_MAX && oldest !== undefined) placesOf.delete(oldest);
  if (count > 0) placesOf.set(name, places);
  return places;
}

/**
 * What is over, taken out of reach by one step. Whoever takes it settles it; a Worker that ends in between costs a member a
 * little of its day.
 */
export function takeEnded(deps: Deps, { memberId }: Pick<KeyCaller, "memberId">): Lease[] {
  const nowMs = deps.now().getTime();
  const ended = leasesOf(deps).filter(
    ([, { untilMs, left }]) => left === 0 || nowMs >= untilMs || nowMs < untilMs - LEASE_MS,
  );
  const own = ended.filter(([, { caller }]) => caller.memberId === memberId);
  const others = ended.filter(
    ([, { caller, untilMs }]) => caller.memberId !== memberId && Math.abs(nowMs - untilMs) >= LEASE_LEFT_MS,
  );
  return takeOut([...own, ...others.slice(0, LEASES_LEFT_A_TIME)]);
}

/** What was spent is counted and judged, the rest given back. */
export async function settleLeases(deps: Deps, taken: readonly Lease[]): Promise<void> {
  for (const lease of taken) await settle(deps, lease);
}

/** Somebody wants to see the figures: those in force are settled too. @param caller - only this one's */
export async function settleAll(deps: Deps, caller?: Pick<KeyCaller, "memberId">): Promise<void> {
  const isAsked = ({ memberId }: KeyCaller) => caller === undefined || caller.memberId === memberId;
  const asked = leasesOf(deps).filter(([, lease]) => isAsked(lease.caller));
  await settleLeases(deps, takeOut(asked));
}

function leasesOf({ config }: Deps): [string, Lease][] {
  return [...leases].filter(([name]) => name.startsWith(`${config.origin} `));
}

function takeOut(these: readonly [string, Lease][]): Lease[] {
  for (const [name] of these) leases.delete(name);
  return these.map(([, lease]) => lease);
}

/** Judged here too: while it was lent, its buckets were counted as asked and not yet as different ones. */
async function settle(deps: Deps, lease: Lease): Promise<void> {
  const use = await settleRow(deps, lease);
  const { caller, index, day } = lease;
  if (use === undefined || use.probing) return;
  if (isProbing(use.asked - use.lent, use.distinct, 2 ** use.bits)) await noteProbing(deps, caller, index.name, day);
}

type Settled = { asked: number; lent: number; distinct: number; bits: number; probing: boolean };

/** One statement, and no wait for the disk. Nothing more is spent of the lease, whoever still holds it. */
async function settleRow({ sql }: Deps, { caller, index, day, left, used }: Lease): Promise<Settled | undefined> {
  const spent = [...new Set(used)];
  const [use] = await sql<Settled[]>`
    with recursive quick as materialized (select set_config('synchronous_commit', 'off', true)),
    held as materialized (
      select l.bits, l.seen from quick, lookup_uses l
      where l.member_id = ${caller.memberId} and l.index_name = ${index.name} and l.day = ${day}::date for update of l),
    known as materialized (select seen from held where seen is not null and bits = ${index.bits}::int),
    marked (n, seen) as (
      select 0, seen from known
      union all
      select n + 1, set_bit(seen, (${spent}::int[])[n + 1]::bigint, 1) from marked where n < ${spent.length}::int)
    update lookup_uses u set asked = u.asked - ${left}::int, lent = greatest(0, u.lent - ${left + used.length}::int),
      distinct_buckets = u.distinct_buckets
        + (select count(*) from known, unnest(${spent}::int[]) as prefix where get_bit(known.seen, prefix::bigint) = 0),
      seen = coalesce((select seen from marked order by n desc limit 1), u.seen)
    from held
    where u.member_id = ${caller.memberId} and u.index_name = ${index.name} and u.day = ${day}::date
    returning u.asked, u.lent, u.distinct_buckets as distinct, u.bits::int as bits, u.probing`;
  return use;
}

const held = new Map<string, { bytes: Uint8Array<ArrayBuffer>; untilMs: number }>();
const HELD_MAX_BYTES = 40 * 1024 * 1024;
let heldBytes = 0;

/** A bucket's bytes, kept in memory for minutes: its name is given out once, so they never change. */
export async function readBucket(deps: Deps, object: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const name = `${deps.config.origin} ${object}`;
  const nowMs = deps.now().getTime();
  const kept = held.get(name);
  if (kept !== undefined && nowMs < kept.untilMs && nowMs >= kept.untilMs - BUCKETS_HELD_MS) return kept.bytes;
  const found = await deps.objects.get(object);
  if (found === undefined) return undefined;
  const bytes = new Uint8Array(await new Response(found.body as BodyInit).arrayBuffer());
  drop(name);
  held.set(name, { bytes, untilMs: nowMs + BUCKETS_HELD_MS });
  heldBytes += bytes.length;
  for (const oldest of held.keys()) {
    if (heldBytes <= HELD_MAX_BYTES) break;
    drop(oldest);
  }
  return bytes;
}

function drop(name: string): void {
  const gone = held.get(name);
  if (gone === undefined) return;
  held.delete(name);
  heldBytes -= gone.bytes.length;
}

/** For tests: as a new instance of the Worker begins. */
export function forgetLeases(): void {
  leases.clear();
  placesOf.clear();
  held.clear();
  heldBytes = 0;
}
