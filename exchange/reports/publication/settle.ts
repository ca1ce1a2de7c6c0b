/** Keeps cases in step with the sets: published once their entries are listed, withdrawn once a set has taken all of them back. */
import { append } from "../../audit/index.ts";
import { type Actor, type PersonCaller, SYSTEM_ACTOR } from "../../platform/caller.ts";
import { type Tx, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { enqueue, type Job, type JobHandlers, type JobOutcome } from "../../platform/jobs.ts";
import { findListedIds, findSet, type SetRow } from "../../sets/index.ts";
import { addStep } from "../steps.ts";

export const SETTLE_PUBLICATION = "reports_settle_publication";
export const SETTLE_WITHDRAWALS = "reports_settle_withdrawals";
const RETRY_MS = 15_000;
/** A withdrawal shows in the case within about this time; it is in the set at once. */
export const WITHDRAWALS_EVERY_MS = 60_000;
const CASES_PER_RUN = 500;

type Published = { hotlineId: string; publisher: string; set: string; by?: Pick<PersonCaller, "personId"> };

/** @returns how many verified cases were found listed and are published now */
export async function settlePublication(
  deps: Deps,
  { hotlineId, publisher, set: name, by }: Published,
): Promise<number> {
  const set = await findSet(deps, { publisher, set: name } as Parameters<typeof findSet>[1]);
  if (set === undefined) return 0;
  return transaction(deps, async (tx) => {
    const rows = await tx.sql<{ case_id: string; entry_id: string }[]>`
      select e.case_id, e.entry_id from case_entries e join cases c on c.id = e.case_id
      where c.hotline_id = ${hotlineId} and c.state = 'verified' for update of c`;
    const listed = new Set(
      await findListedIds(
        tx,
        set,
        rows.map(({ entry_id }) => entry_id),
      ),
    );
    const hits = rows.filter(({ entry_id }) => listed.has(entry_id));
    const byCase = Map.groupBy(hits, ({ case_id }) => case_id);
    const actor: Actor = by === undefined ? SYSTEM_ACTOR : { kind: "person", id: by.personId };
    for (const [caseId, entries] of byCase) {
      await markPublished(tx, { caseId, ids: entries.map(({ entry_id }) => entry_id), set, now: deps.now(), actor });
    }
    return byCase.size;
  });
}

type Mark = { caseId: string; ids: string[]; set: SetRow; now: Date; actor: Actor };

async function markPublished(tx: Tx, { caseId, ids, set, now, actor }: Mark): Promise<void> {
  await tx.sql`
    update case_entries set published_at = ${now} where case_id = ${caseId} and entry_id = any(${ids}::text[])`;
  await tx.sql`
    update cases set state = 'published', outcome_code = 'listed', closed_at = ${now}, updated_at = ${now}, taken_by = null,
      published_publisher = ${set.publisher}, published_set = ${set.name}, published_release = ${set.headRelease},
      checked_release = ${set.headRelease}
    where id = ${caseId}`;
  await addStep(tx, { caseId, at: now, code: "published", ...(actor.kind === "person" ? { personId: actor.id } : {}) });
  await append(tx, { at: now, actor, action: "case.published", subject: caseId, code: `release_${set.headRelease}` });
}

async function settlePublicationJob(deps: Deps, { payload }: Job): Promise<JobOutcome> {
  const settled = await settlePublication(deps, {
    hotlineId: String(payload.hotline_id),
    publisher: String(payload.publisher),
    set: String(payload.set),
    by: { personId: String(payload.person_id) },
  });
  const now = deps.now().getTime();
  if (settled > 0 || now > Number(payload.until_ms)) return undefined;
  // Nothing found: marked by the request itself already, refused, or still being admitted. Looked at again for a while.
  const [open] = await deps.sql`
    select 1 from cases where hotline_id = ${String(payload.hotline_id)} and state = 'verified' limit 1`;
  return open === undefined ? undefined : { again: new Date(now + RETRY_MS * 4) };
}

/** Published cases whose set has moved on: withdrawn when none of their entries is left in it. @returns how many */
export async function settleWithdrawals(deps: Deps, caseId?: string): Promise<number> {
  const sets = await deps.sql<{ publisher: string; set: string }[]>`
    select distinct published_publisher as publisher, published_set as set from cases
    where state = 'published' and erased_at is null and (${caseId ?? null}::text is null or id = ${caseId ?? null})`;
  let withdrawn = 0;
  for (const { publisher, set: name } of sets) {
    const set = await findSet(deps, { publisher, set: name } as Parameters<typeof findSet>[1]);
    if (set === undefined) continue;
    const rows = await deps.sql<{ id: string }[]>`
      select id from cases
      where state = 'published' and erased_at is null and published_publisher = ${publisher} and published_set = ${name}
        and checked_release < ${set.headRelease} and (${caseId ?? null}::text is null or id = ${caseId ?? null})
      order by checked_release limit ${CASES_PER_RUN}`;
    for (const { id } of rows) if (await settleOne(deps, id, set)) withdrawn += 1;
  }
  return withdrawn;
}

async function settleOne(deps: Deps, caseId: string, set: SetRow): Promise<boolean> {
  return transaction(deps, async (tx) => {
    const now = deps.now();
    const entries = await tx.sql<{ entry_id: string }[]>`
      select entry_id from case_entries where case_id = ${caseId} and published_at is not null`;
    const left = await findListedIds(
      tx,
      set,
      entries.map(({ entry_id }) => entry_id),
    );
    await tx.sql`update cases set checked_release = ${set.headRelease} where id = ${caseId} and state = 'published'`;
    if (left.length > 0) return false;
    const changed = await tx.sql`
      update cases set state = 'withdrawn', updated_at = ${now} where id = ${caseId} and state = 'published' returning id`;
    if (changed.length === 0) return false;
    await addStep(tx, { caseId, at: now, code: "withdrawn" });
    await append(tx, {
      at: now,
      actor: SYSTEM_ACTOR,
      action: "case.withdrawn",
      subject: caseId,
      code: `release_${set.headRelease}`,
    });
    return true;
  });
}

async function settleWithdrawalsJob(deps: Deps): Promise<JobOutcome> {
  await settleWithdrawals(deps);
  return { again: new Date(deps.now().getTime() + WITHDRAWALS_EVERY_MS) };
}

/** Makes sure that the periodic job exists; changes nothing when it does. */
export async function scheduleReports(deps: Deps): Promise<void> {
  await enqueue(deps, deps, { kind: SETTLE_WITHDRAWALS, key: SETTLE_WITHDRAWALS, runAt: deps.now() });
}

export const publicationJobs: JobHandlers = {
  [SETTLE_PUBLICATION]: settlePublicationJob,
  [SETTLE_WITHDRAWALS]: settleWithdrawalsJob,
};
