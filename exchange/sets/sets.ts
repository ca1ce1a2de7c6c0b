/** Sets: opened once with kind, stream and audience; who may see one; the uniform 404 for everybody else. */

import type { SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SetRequest } from "@breakwater/shared/wire/sets.ts";
import { and, eq, sql } from "drizzle-orm";
import { append } from "../audit/index.ts";
import { actorOf, type Caller } from "../platform/caller.ts";
import { type Queries, type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { noteTakeAway } from "../platform/take-aways.ts";
import { floorOfSet, isInAudience, narrower, requireAudience, requireStreamRole } from "./audience.ts";
import { type SetRow, setAudience, sets } from "./tables.ts";

export async function findSet({ db }: Queries, { publisher, set }: SetId): Promise<SetRow | undefined> {
  const [row] = await db
    .select()
    .from(sets)
    .where(and(eq(sets.publisher, publisher), eq(sets.name, set)));
  return row;
}

/** @throws ExchangeError `not_found` */
export async function getSet(queries: Queries, setId: SetId): Promise<SetRow> {
  const row = await findSet(queries, setId);
  if (row === undefined) throw new ExchangeError("not_found");
  return row;
}

export async function listAudienceMembers({ db }: Queries, setId: number): Promise<string[]> {
  const rows = await db.select().from(setAudience).where(eq(setAudience.setId, setId));
  return rows.map(({ member }) => member).sort();
}

/** The set, if the caller may read it. What is not there and what is not theirs are the same answer. @throws `not_found` */
export async function getReadableSet(queries: Queries, caller: Caller, setId: SetId): Promise<SetRow> {
  return (await getReadableHead(queries, caller, setId)).row;
}

/** With the feed's epoch, see {@link getFeedEpoch}: what an answer that follows from the head alone is named by. */
export type ReadableHead = { row: SetRow; epoch: string };

/** @throws ExchangeError `not_found`, as {@link getReadableSet} */
export async function getReadableHead(
  { db }: Queries,
  caller: Caller,
  { publisher, set }: SetId,
): Promise<ReadableHead> {
  // All in one question, so that the time taken does not tell one refusal from the other.
  const [found] = await db
    .select({
      row: sets,
      members: sql<
        string[]
      >`(select coalesce(jsonb_agg(a.member), '[]') from set_audience a where a.set_id = ${sets.id})`,
      epoch: sql<string>`(select epoch from feed_epoch where id = 1)`,
    })
    .from(sets)
    .where(and(eq(sets.publisher, publisher), eq(sets.name, set)));
  if (found === undefined) throw new ExchangeError("not_found");
  const { row, members, epoch } = found;
  if (!isInAudience(caller, { publisher: row.publisher, tier: row.audienceTier, members })) {
    throw new ExchangeError("not_found");
  }
  return { row, epoch };
}

/**
 * The path's publisher must be the caller's own (key → member → publisher).
 *
 * @throws `publisher_mismatch` with `needs`: whose key it takes
 */
export function requirePublisher(caller: Caller, publisher: string): void {
  if (caller.publisher !== publisher) throw new ExchangeError("publisher_mismatch", { needs: publisher });
}

/**
 * Open a set, or change the audience of one. Kind and stream stay what they were: everything downstream was decided by them.
 *
 * @throws ExchangeError `set_exists`, `audience_too_wide`, `stream_role`
 */
export async function putSet(
  deps: Deps,
  caller: Caller,
  setId: SetId,
  { kind, stream, audience }: SetRequest,
): Promise<{ created: boolean }> {
  requirePublisher(caller, setId.publisher);
  requireStreamRole(stream, caller.memberRoles);
  requireAudience(audience.tier, floorOfSet({ kind, stream }));
  const now = deps.now();
  return transaction(deps, async (tx) => {
    const created = await insertSet(tx, setId, { kind, stream, tier: audience.tier }, now);
    const [row] = await tx.db
      .select()
      .from(sets)
      .where(and(eq(sets.publisher, setId.publisher), eq(sets.name, setId.set)))
      .for("update");
    if (row === undefined) throw new Error("set vanished inside its transaction");
    if (row.kind !== kind || row.stream !== stream) throw new ExchangeError("set_exists", { kind: row.kind });
    // What was published so far, and what is just being admitted, must still fit.
    requireAudience(audience.tier, narrower(row.audienceFloor, await floorOfStaged(tx, row.id)));
    await tx.db.update(sets).set({ audienceTier: audience.tier }).where(eq(sets.id, row.id));
    await tx.db.delete(setAudience).where(eq(setAudience.setId, row.id));
    const members = [...new Set(audience.members ?? [])];
    if (members.length > 0) {
      await tx.db.insert(setAudience).values(members.map((member) => ({ setId: row.id, member })));
    }
    const action = created ? "set.opened" : "set.audience_changed";
    await append(tx, { at: now, actor: actorOf(caller), action, subject: subjectOf(row.id), code: audience.tier });
    await noteTakeAway(deps, { kind: "set_audience", ...setId, tier: audience.tier, members });
    return { created };
  });
}

async function insertSet(
  { db }: Tx,
  { publisher, set }: SetId,
  { kind, stream, tier }: Pick<SetRequest, "kind" | "stream"> & { tier: SetRow["audienceTier"] },
  now: Date,
): Promise<boolean> {
  const rows = await db
    .insert(sets)
    .values({ publisher, name: set, kind, stream, audienceTier: tier, createdAt: now })
    .onConflictDoNothing()
    .returning({ id: sets.id });
  return rows.length > 0;
}

async function floorOfStaged({ sql }: Tx, setId: number): Promise<SetRow["audienceFloor"]> {
  const rows = await sql<{ audience_floor: SetRow["audienceFloor"] }[]>`
    select audience_floor from admissions where set_id = ${setId} and state in ('queued', 'running')`;
  return rows.reduce((floor, row) => narrower(floor, row.audience_floor), "test" as SetRow["audienceFloor"]);
}

/** How the audit record names a set. */
export function subjectOf(setId: number): string {
  return `set/${setId}`;
}
