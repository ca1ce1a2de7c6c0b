/** Moving a set's head: the one transaction in which a release takes effect, is logged, and is seen by readers. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { PURGE_ERASURE_SECONDS } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { checkReleaseTimes, openRelease } from "@breakwater/shared/release.ts";
import type { ReleaseAnswer } from "@breakwater/shared/wire/sets.ts";
import { append } from "../audit/index.ts";
import { appendLeaf, logTransaction } from "../log/index.ts";
import type { Tx } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { enqueue } from "../platform/jobs.ts";
import { type AdmissionRow, holdAdmission } from "./admission-store.ts";
import { requireAudience } from "./audience.ts";
import type { Proposal } from "./proposal.ts";
import { getCurrentRoot, seconds } from "./roots.ts";
import { subjectOf } from "./sets.ts";
import type { SetRow } from "./tables.ts";

/**
 * Everything about the release is checked and staged; what is left is what only holds under the locks.
 *
 * Order: the log's row first (log order decides which root is newest), then everything that could still refuse, and only
 * then the signature where the exchange holds the key, since the signer never signs a number twice. A crash before the
 * commit leaves the old head and the staged rows; the same statement is signed again, byte for byte, and moves the head.
 */
export async function moveHead(deps: Deps, admission: AdmissionRow, proposal: Proposal): Promise<ReleaseAnswer> {
  const now = deps.now();
  const { statement, digest, set, manifest } = proposal;
  return logTransaction(deps, async (tx) => {
    await holdAdmission(tx, admission);
    const root = await getCurrentRoot(tx, statement.publisher, now);
    if (root.root.version !== statement.root) {
      throw new ExchangeError("release_root", { have: root.root.version, got: statement.root });
    }
    checkReleaseTimes(statement, seconds(now));
    await swapHead(tx, proposal, now);
    const dueAt = new Date(manifest.purge_by * 1000);
    const purgeBy = isErasure(proposal) || dueAt < now ? now : dueAt;
    await referBlobs(tx, set, statement.release, proposal.references, purgeBy);

    const envelope = admission.envelope ?? (await deps.signer.signRelease(admission.payload));
    // Also for what our own signer made: nothing enters the log that its publisher's root does not vouch for.
    const opened = await openRelease(envelope, root);
    if (opened.digest !== digest) throw new ExchangeError("release_invalid", { path: "/" });
    const logIndex = await appendLeaf(tx, { typ: "bw-release+jws", digest, envelope, now });
    await tx.sql`
      insert into releases (set_id, release, digest, envelope, root_version, manifest, delta, snapshot, entries, purge_by,
        due_at, log_index, released_at)
      values (${set.id}, ${statement.release}, ${digest}, ${envelope}, ${statement.root}, ${statement.manifest},
        ${JSON.stringify(proposal.ownDelta)}::jsonb, ${JSON.stringify(manifest.snapshot)}::jsonb, ${manifest.entries},
        ${purgeBy}, ${dueAt}, ${logIndex}, ${now})`;
    await tx.sql`
      update admissions set state = 'done', envelope = ${envelope}, touched_at = ${now}
      where set_id = ${set.id} and release = ${statement.release}`;
    const { actor } = admission.via;
    await append(tx, {
      at: now,
      actor,
      action: "release.admitted",
      subject: subjectOf(set.id),
      code: `r${statement.release}`,
    });
    await enqueue(tx, deps, {
      kind: "sets.purge",
      key: `sets.purge:${set.id}:${statement.release}`,
      payload: {},
      runAt: purgeBy,
    });
    if (purgeBy <= now) deps.nudgeJobs();
    return answerOf(proposal, logIndex);
  });
}

/**
 * A publisher that gives every holder a day at most wants something gone. The exchange itself needs no day: whoever is
 * in the middle of a sync is told `blob_gone` and begins again at the new head.
 */
function isErasure({ statement, manifest }: Proposal): boolean {
  return manifest.purge_by - statement.iat <= PURGE_ERASURE_SECONDS;
}

/** The compare-and-swap: one row, from the head that the statement continues to the statement. @throws `release_fork` */
async function swapHead({ sql }: Tx, { set, statement, digest, manifest }: Proposal, now: Date): Promise<void> {
  const [row] = await sql<{ audience_tier: SetRow["audienceTier"]; audience_floor: SetRow["audienceFloor"] }[]>`
    update sets
    set head_release = ${statement.release}, head_digest = ${digest}, entries = ${manifest.entries},
        about = ${JSON.stringify(manifest.about)}::jsonb, closed = ${statement.closed === true}, released_at = ${now},
        audience_floor = (select case when array_position(tiers, a.audience_floor) > array_position(tiers, sets.audience_floor)
            then a.audience_floor else sets.audience_floor end
          from admissions a, (select array['test', 'agreed', 'vetted', 'named'] as tiers) t
          where a.set_id = sets.id and a.release = ${statement.release})
    where id = ${set.id} and head_release = ${statement.release - 1} and head_digest is not distinct from ${statement.prev}
    returning audience_tier, audience_floor`;
  if (row === undefined) throw new ExchangeError("release_fork", { got: statement.release });
  requireAudience(row.audience_tier, row.audience_floor);
}

/** The newest manifest's blobs, and an end date for what it names no more. */
export async function referBlobs(
  tx: Tx,
  set: SetRow,
  release: number,
  digests: readonly Digest[],
  purgeBy: Date,
): Promise<void> {
  const { sql } = tx;
  const list = JSON.stringify([...new Set(digests)]);
  await sql`
    insert into blob_refs (digest, set_id, release)
    select digest, ${set.id}, ${release} from jsonb_array_elements_text(${list}::text::jsonb) as digest
    on conflict (digest, set_id) do update set release = excluded.release, purge_after = null, purged_at = null`;
  // Locked before they are counted: a purge that got there first has marked its blob, one that comes later finds the reference.
  const here = await sql<{ state: string }[]>`
    select state from blobs where digest in (select jsonb_array_elements_text(${list}::text::jsonb))
      and state in ('pending', 'kept') order by digest for update`;
  if (here.length !== new Set(digests).size) throw new ExchangeError("blob_missing");
  await sql`
    update blobs set state = 'kept'
    where digest in (select jsonb_array_elements_text(${list}::text::jsonb)) and state = 'pending'`;
  // What this manifest no longer names stays readable until its purge date, for those who are just syncing.
  await sql`
    update blob_refs set purge_after = least(purge_after, ${purgeBy})
    where set_id = ${set.id} and release < ${release} and recall is null and purged_at is null`;
}

export function answerOf({ statement, digest, manifest }: Proposal, logIndex: number): ReleaseAnswer {
  const { publisher, set, release } = statement;
  return { publisher, set, release, digest, log_index: logIndex, entries: manifest.entries };
}
