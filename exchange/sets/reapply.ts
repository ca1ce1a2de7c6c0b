/**
 * After a restore: roots and releases that the log has and the rows forgot. Each envelope is verified as it was on its
 * first way in, by the root that was newest before it in the log; only clocks are not asked again, since it was in time then.
 */

import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { Publisher, type SetId } from "@breakwater/shared/ids.ts";
import { parseJcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { checkNext, openRelease, parseStatement, type ReleaseLink } from "@breakwater/shared/release.ts";
import { type OpenedRoot, openPinnedRoot, openRoot } from "@breakwater/shared/root.ts";
import { z } from "zod";
import { append } from "../audit/index.ts";
import { setCustody } from "../members/index.ts";
import { SYSTEM_ACTOR } from "../platform/caller.ts";
import { type Queries, type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { narrower } from "./audience.ts";
import { findRelease } from "./reading.ts";
import { type LoggedRelease, reapplyNewest, type SetAudienceNote } from "./reapply-newest.ts";
import { custodyOf } from "./roots.ts";
import { findSet } from "./sets.ts";
import { unstageRows } from "./staging.ts";
import { publisherRoots } from "./tables.ts";

/** As much of a root as tells whose it is; all of it is checked when it is opened. */
const Named = z.looseObject({ publisher: Publisher });
type LeafRow = { log_index: number; envelope: Uint8Array };

/** Releases that were on their way in at the time of the backup: they arrived since, or their publishers bring them again. */
export async function abandonAdmissions(deps: Deps): Promise<number> {
  return transaction(deps, async (tx) => {
    const rows = await tx.sql<{ set_id: number; release: number }[]>`
      delete from admissions where state in ('queued', 'running') returning set_id::float8 as set_id, release`;
    for (const { set_id, release } of rows) await unstageRows(tx, set_id, release);
    return rows.length;
  });
}

/** Whom a publisher shut out since, stays out: tier and names become what both the rows and every later note allow. */
export async function reapplyAudiences(tx: Tx, noted: readonly SetAudienceNote[]): Promise<void> {
  for (const { publisher, set, tier, members } of noted) {
    const row = await findSet(tx, { publisher, set } as SetId);
    if (row === undefined) continue;
    if (tier === "named" && row.audienceTier === "named") {
      await tx.sql`delete from set_audience where set_id = ${row.id} and member <> all(${[...members]}::text[])`;
    } else if (tier === "named") {
      await tx.sql`delete from set_audience where set_id = ${row.id}`;
      await tx.sql`insert into set_audience (set_id, member) select ${row.id}, unnest(${[...members]}::text[])`;
    }
    await tx.sql`update sets set audience_tier = ${narrower(row.audienceTier, tier)} where id = ${row.id}`;
  }
}

/** In log order, each in a transaction of its own. @returns how many */
export async function reapplyRoots(deps: Deps): Promise<number> {
  const leaves = await deps.sql<LeafRow[]>`
    select log_index::float8 as log_index, envelope from log_leaves l
    where typ = 'bw-root+jws' and not exists (select 1 from publisher_roots r where r.log_index = l.log_index)
    order by l.log_index`;
  for (const { log_index: logIndex, envelope } of leaves) {
    const { publisher } = Named.parse(parseJcs(parseEnvelope(envelope).payloadBytes));
    const previous = await findRootBefore(deps, publisher, logIndex);
    const opened = await openRoot(envelope, previous);
    const { version } = opened.root;
    if (opened.root.publisher !== publisher || version !== (previous?.root.version ?? 0) + 1) {
      throw new ExchangeError("log_conflict", { reason: "root" });
    }
    const now = deps.now();
    const custody = await custodyOf(deps, opened);
    await transaction(deps, async (tx) => {
      const { digest } = opened;
      await tx.db.insert(publisherRoots).values({ publisher, version, digest, envelope, logIndex, acceptedAt: now });
      await setCustody(tx, publisher, custody);
      await append(tx, { at: now, actor: SYSTEM_ACTOR, action: "root.reapplied", subject: digest });
    });
  }
  return leaves.length;
}

/** By which a statement at this place in the log is judged. */
export async function findRootBefore(
  { sql }: Queries,
  publisher: string,
  logIndex: number,
): Promise<OpenedRoot | undefined> {
  const [row] = await sql<{ envelope: Uint8Array; version: number; digest: string }[]>`
    select envelope, version, digest from publisher_roots
    where publisher = ${publisher} and log_index < ${logIndex} order by version desc limit 1`;
  return row && openPinnedRoot(row.envelope, { version: row.version, digest: row.digest as OpenedRoot["digest"] });
}

/**
 * Bring every set to the newest release in the log, in one step: the manifests between may be gone, as they should be
 * when something was erased since.
 *
 * @param noted - who may read a set that the backup does not know; nobody but its publisher otherwise
 * @returns false when the deadline came first; calling again goes on
 */
export async function reapplyReleases(
  deps: Deps,
  { noted, deadline }: { noted: readonly SetAudienceNote[]; deadline: Date },
): Promise<boolean> {
  for (const [, leaves] of await listForgotten(deps)) {
    const chain = await openChain(deps, leaves);
    if (!(await reapplyNewest(deps, chain, { noted, deadline }))) return false;
  }
  return true;
}

async function listForgotten({ sql }: Queries): Promise<Map<string, LeafRow[]>> {
  const leaves = await sql<LeafRow[]>`
    select log_index::float8 as log_index, envelope from log_leaves l
    where typ = 'bw-release+jws' and not exists (select 1 from releases r where r.log_index = l.log_index)
    order by l.log_index`;
  return Map.groupBy(leaves, ({ envelope }) => {
    const { publisher, set } = parseStatement(parseEnvelope(envelope).payloadBytes);
    return `${publisher}/${set}`;
  });
}

/** What followed the head that the rows know, each verified and continuing the one before. Never empty. */
async function openChain(deps: Deps, leaves: readonly LeafRow[]): Promise<LoggedRelease[]> {
  const chain: LoggedRelease[] = [];
  for (const { log_index: logIndex, envelope } of leaves) {
    const { publisher, set } = parseStatement(parseEnvelope(envelope).payloadBytes);
    const root = await findRootBefore(deps, publisher, logIndex);
    if (root === undefined) throw new ExchangeError("root_missing");
    const opened = await openRelease(envelope, root);
    const previous: ReleaseLink | undefined = chain.at(-1) ?? (await findHeadLink(deps, { publisher, set }));
    if (checkNext(previous, opened) !== "next") throw new ExchangeError("log_conflict", { reason: "release" });
    chain.push({ ...opened, logIndex });
  }
  return chain;
}

async function findHeadLink(deps: Deps, setId: SetId): Promise<ReleaseLink | undefined> {
  const set = await findSet(deps, setId);
  const head =
    set === undefined || set.headRelease === 0 ? undefined : await findRelease(deps, set.id, set.headRelease);
  return head && { statement: parseStatement(parseEnvelope(head.envelope).payloadBytes), digest: head.digest };
}
