/** After a restore: one set from the release that the rows know to the newest in the log, from its snapshot and what follows that. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import type { Change } from "@breakwater/shared/delta.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import {
  type Manifest,
  PURGE_ERASURE_SECONDS,
  parseIndex,
  parseManifest,
  type SegmentRow,
  type SnapshotIndex,
} from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { OpenedRelease, ReleaseStatement } from "@breakwater/shared/release.ts";
import { AUDIENCE_TIERS, type AudienceTier, type ReleaseAnswer } from "@breakwater/shared/wire/sets.ts";
import { append } from "../audit/index.ts";
import { SYSTEM_ACTOR } from "../platform/caller.ts";
import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { advance } from "./admission.ts";
import { type AdmissionRow, claimAdmission, holdAdmission, takeOverAdmission } from "./admission-store.ts";
import { adoptBlobs } from "./adopt.ts";
import { floorOfAbout, narrower } from "./audience.ts";
import { findBlobs, readBlob } from "./blob-store.ts";
import { answerOf, referBlobs } from "./head.ts";
import { readDeltaSegment } from "./lines.ts";
import { type Proposal, rowsOf } from "./proposal.ts";
import { findSet, subjectOf } from "./sets.ts";
import { type SetRow, setAudience, sets } from "./tables.ts";

/** A release as the log has it, verified. */
export type LoggedRelease = OpenedRelease & { logIndex: number };
export type SetAudienceNote = { publisher: string; set: string; tier: AudienceTier; members: readonly string[] };
type Chain = readonly LoggedRelease[];

/** @returns false when the deadline came first */
export async function reapplyNewest(
  deps: Deps,
  chain: Chain,
  { noted, deadline }: { noted: readonly SetAudienceNote[]; deadline: Date },
): Promise<boolean> {
  const newest = chain.at(-1) as LoggedRelease;
  const adopted = await adoptRelease(deps, newest.statement);
  const set = await openSet(deps, newest.statement, adopted.manifest, noted);
  const proposal = await propose(deps, set, newest, adopted);
  const admission = await takeAdmission(deps, proposal, newest);
  // Another run is at it, or was a moment ago.
  if (admission === undefined) return false;
  const land = (_deps: Deps, row: AdmissionRow, done: Proposal) => landNewest(deps, row, done, chain);
  return (await advance(deps, admission, proposal, { deadline, land })) !== undefined;
}

type Adopted = { manifest: Manifest; index: SnapshotIndex; references: Digest[] };

/** Every blob that a statement leads to has its row again. @throws ExchangeError `blob_missing`, and what reading refuses */
export async function adoptRelease(deps: Deps, statement: ReleaseStatement): Promise<Adopted> {
  await adoptBlobs(deps, [statement.manifest], "json");
  const manifest = await parseManifest(await readBlob(deps, statement.manifest, statement.manifest_size), statement);
  const { snapshot, deltas } = manifest;
  await adoptBlobs(deps, [snapshot.index], "json");
  const index = await parseIndex(await readBlob(deps, snapshot.index, snapshot.index_size), snapshot);
  const segments = [...index, ...deltas.flatMap((row) => row.segments)].map(({ segment }) => segment);
  await adoptBlobs(deps, [...new Set(segments)], "segment");
  return { manifest, index, references: [statement.manifest, snapshot.index, ...segments] };
}

/** The set's row; one that was opened after the backup is opened again, for those who could read it ever since. */
async function openSet(
  deps: Deps,
  { publisher, set }: SetId,
  { about }: Manifest,
  noted: readonly SetAudienceNote[],
): Promise<SetRow> {
  const held = await findSet(deps, { publisher, set } as SetId);
  if (held !== undefined) return held;
  const notes = noted.filter((note) => note.publisher === publisher && note.set === set);
  const tier = notes.length === 0 ? "named" : notes.map((note) => note.tier).reduce(narrower);
  const named = notes.filter((note) => note.tier === "named").map(({ members }) => members);
  const members = (named[0] ?? []).filter((member) => named.every((list) => list.includes(member)));
  const now = deps.now();
  return transaction(deps, async (tx) => {
    const { kind, stream } = about;
    const [row] = await tx.db
      .insert(sets)
      .values({ publisher, name: set, kind, stream, audienceTier: tier, createdAt: now })
      .returning();
    if (row === undefined) throw new ExchangeError("internal");
    if (tier === "named" && members.length > 0) {
      await tx.db.insert(setAudience).values(members.map((member) => ({ setId: row.id, member })));
    }
    await append(tx, { at: now, actor: SYSTEM_ACTOR, action: "set.reopened", subject: subjectOf(row.id), code: tier });
    return row;
  });
}

/** As a proposal whose rows are to become what snapshot and later deltas say, whatever is in the rows now. */
async function propose(
  deps: Deps,
  set: SetRow,
  { statement, digest }: LoggedRelease,
  { manifest, index, references }: Adopted,
): Promise<Proposal> {
  const base: Proposal = {
    set,
    statement,
    digest,
    manifest,
    index,
    ownDelta: manifest.deltas.find(({ release }) => release === statement.release)?.segments ?? [],
    replaces: true,
    newSnapshot: true,
    references,
    blobs: await findBlobs(deps, references),
  };
  return { ...base, overlay: await readOverlay(deps, base) };
}

async function readOverlay(deps: Deps, proposal: Proposal): Promise<Map<string, Change>> {
  const overlay = new Map<string, Change>();
  const { deltas, snapshot } = proposal.manifest;
  for (const { release, segments } of deltas) {
    if (release <= snapshot.release) {
      // Not needed for the rows, but named: it is read, so that what is served is what was signed, and keeps its place.
      for (const segment of segments) await readDeltaSegment(deps, proposal, segment, release);
      continue;
    }
    for (const segment of segments) {
      for (const change of await readDeltaSegment(deps, proposal, segment, release)) overlay.set(change.id, change);
    }
  }
  return overlay;
}

async function takeAdmission(
  deps: Deps,
  proposal: Proposal,
  { statement, digest, bytes: envelope }: LoggedRelease,
): Promise<AdmissionRow | undefined> {
  const { set } = proposal;
  const { release } = statement;
  const left = await takeOverAdmission(deps, set.id, release);
  if (left !== undefined) return left;
  const { payloadBytes: payload } = parseEnvelope(envelope);
  const via = { kind: "publisher", memberId: "restore", actor: SYSTEM_ACTOR } as const;
  const rowsTotal = rowsOf(proposal, 0);
  return transaction(deps, (tx) =>
    claimAdmission(deps, tx, {
      setId: set.id,
      release,
      digest,
      payload,
      envelope,
      via,
      rowsTotal,
      state: "running",
    }),
  );
}

/**
 * The head moves over all that the rows had forgotten. Nothing is appended to the log: it is there. What was replaced
 * meanwhile is due for destruction at once, its purge date having come or not: nobody is in the middle of reading it.
 */
async function landNewest(
  deps: Deps,
  admission: AdmissionRow,
  proposal: Proposal,
  chain: Chain,
): Promise<ReleaseAnswer> {
  const now = deps.now();
  const { set, statement, digest, manifest } = proposal;
  const newest = chain.at(-1) as LoggedRelease;
  const erased = await mayHaveErased(deps, chain.slice(0, -1));
  await transaction(deps, async (tx) => {
    await holdAdmission(tx, admission);
    const tiers = [...AUDIENCE_TIERS];
    const [held] = await tx.sql<{ tier: AudienceTier }[]>`
      select audience_tier as tier from sets where id = ${set.id} for update`;
    const tier = held?.tier ?? "named";
    const { count } = await tx.sql`
      update sets
      set head_release = ${statement.release}, head_digest = ${digest}, entries = ${manifest.entries},
          about = ${JSON.stringify(manifest.about)}::jsonb, closed = ${statement.closed === true},
          released_at = ${new Date(statement.iat * 1000)}, audience_tier = ${narrower(tier, floorOfAbout(set, manifest.about))},
          audience_floor = (select case when array_position(${tiers}::text[], a.audience_floor)
              > array_position(${tiers}::text[], sets.audience_floor) then a.audience_floor else sets.audience_floor end
            from admissions a where a.set_id = sets.id and a.release = ${statement.release})
      where id = ${set.id} and head_release = ${set.headRelease} and head_digest is not distinct from ${set.headDigest}`;
    if (count === 0) throw new ExchangeError("admission_pending");
    for (const link of chain) {
      const { release } = link.statement;
      const isNewest = link === newest;
      const releasedAt = new Date(link.statement.iat * 1000);
      await tx.sql`
        insert into releases (set_id, release, digest, envelope, root_version, manifest, delta, snapshot, entries, purge_by,
          due_at, purged_at, log_index, released_at)
        values (${set.id}, ${release}, ${link.digest}, ${link.bytes}, ${link.statement.root}, ${link.statement.manifest},
          ${JSON.stringify(deltaOf(manifest, release))}::jsonb, ${JSON.stringify(manifest.snapshot)}::jsonb, ${manifest.entries},
          ${now}, ${erased ? releasedAt : new Date(manifest.purge_by * 1000)}, ${isNewest ? null : now}, ${link.logIndex},
          ${releasedAt})`;
    }
    await referBlobs(tx, set, statement.release, proposal.references, now);
    await tx.sql`
      update admissions set state = 'done', touched_at = ${now} where set_id = ${set.id} and release = ${statement.release}`;
    await append(tx, {
      at: now,
      actor: SYSTEM_ACTOR,
      action: "release.reapplied",
      subject: subjectOf(set.id),
      code: `r${statement.release}`,
    });
  });
  return answerOf(proposal, newest.logIndex);
}

/**
 * The newest release takes back for all of them, so its purge is an erasure when one of theirs was, and when nobody can say
 * any more: what was made from an erased entry must not outlive it because of a restore.
 */
async function mayHaveErased(deps: Deps, before: Chain): Promise<boolean> {
  for (const { statement } of before) {
    try {
      const manifest = await parseManifest(
        await readBlob(deps, statement.manifest, statement.manifest_size),
        statement,
      );
      if (manifest.purge_by - statement.iat <= PURGE_ERASURE_SECONDS) return true;
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      return true;
    }
  }
  return false;
}

/** As the newest manifest lists it; of older releases nothing is left that a later manifest could be held against. */
function deltaOf({ deltas }: Manifest, release: number): SegmentRow[] {
  return deltas.find((row) => row.release === release)?.segments ?? [];
}
