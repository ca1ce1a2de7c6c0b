/** The one door into a set's state: whoever brings a release, it is checked here, cheapest first, and admitted or refused. */

import { type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import {
  checkNext,
  checkReleaseTimes,
  openRelease,
  parseStatement,
  type ReleaseLink,
  type ReleaseStatement,
} from "@breakwater/shared/release.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import type { ReleaseAnswer } from "@breakwater/shared/wire/sets.ts";
import { findPublisher } from "../members/index.ts";
import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { enqueue } from "../platform/jobs.ts";
import { finishAdmission } from "./admission.ts";
import {
  ADMISSION_STALE_MS,
  type AdmissionRow,
  admissionJobKey,
  claimAdmission,
  findAdmission,
  type Via,
} from "./admission-store.ts";
import { holdBlobs } from "./blob-store.ts";
import { countDeltaLines } from "./lines.ts";
import { openProposal, type Proposal, rowsOf } from "./proposal.ts";
import { findRelease } from "./reading.ts";
import { getCurrentRoot, seconds } from "./roots.ts";
import { getSet } from "./sets.ts";
import type { ReleaseRow, SetRow } from "./tables.ts";

/** Up to here a release is admitted within the request that brings it. */
export const INLINE_MAX_LINES = 16_384;

export type Brought = Via & { setId: SetId };
/** `accepted`: it is the head now. `repeated`: it was accepted before. `pending`: a job goes on; ask the admission. */
export type Outcome =
  | { kind: "accepted"; answer: ReleaseAnswer }
  | { kind: "repeated"; answer: ReleaseAnswer }
  | { kind: "pending"; release: number };
/** What came in: the statement's exact bytes, and the envelope around them unless the exchange is to have it signed. */
type Offered = { payload: Uint8Array; envelope: Uint8Array | null };

/** Admit a signed release. @throws ExchangeError: every refusal of publishing; nothing is stored then */
export async function acceptRelease(deps: Deps, envelope: Uint8Array, via: Brought): Promise<Outcome> {
  const { payloadBytes } = parseEnvelope(envelope);
  return admit(deps, { payload: payloadBytes, envelope }, via);
}

/**
 * Admit a statement whose release key the exchange holds. It takes the same way, and is signed at the end of it: only
 * what would be admitted is signed, since the signer never signs a number twice.
 */
export async function acceptStatement(deps: Deps, payload: Uint8Array, via: Brought): Promise<Outcome> {
  return admit(deps, { payload, envelope: null }, via);
}

async function admit(deps: Deps, offered: Offered, via: Brought): Promise<Outcome> {
  const { statement, digest, set, head, repeated } = await identify(deps, offered, via);
  if (repeated !== undefined) return { kind: "repeated", answer: repeated };
  await checkStatement(deps, offered, { statement, digest, head });
  const proposal = await openProposal(deps, { set, statement, digest });

  const lines = await countDeltaLines(deps, proposal, INLINE_MAX_LINES);
  const rowsTotal = rowsOf(proposal, lines.counted);
  const isInline = !lines.more && rowsTotal <= INLINE_MAX_LINES;
  const claimed = await claim(deps, proposal, offered, via, { rowsTotal, isInline });
  if (claimed === undefined) return settle(deps, set, statement, digest);
  if (!isInline) {
    deps.nudgeJobs();
    return { kind: "pending", release: statement.release };
  }
  return { kind: "accepted", answer: await finishAdmission(deps, claimed, proposal) };
}

type Identified = {
  statement: ReleaseStatement;
  digest: Digest;
  set: SetRow;
  head: ReleaseRow | undefined;
  repeated: ReleaseAnswer | undefined;
};

/** Which set, which number, and whether it is the very release that was accepted before. Nothing here is believed yet. */
async function identify(deps: Deps, { payload }: Offered, { setId }: Brought): Promise<Identified> {
  const statement = parseStatement(payload);
  const { publisher: needs } = statement;
  if (needs !== setId.publisher) throw new ExchangeError("publisher_mismatch", { needs });
  if (statement.set !== setId.set) throw new ExchangeError("release_invalid", { path: "/set" });
  const publisher = await findPublisher(deps, setId.publisher);
  if (publisher === undefined) throw new ExchangeError("not_found");
  if (publisher.suspended) throw new ExchangeError("publisher_suspended");
  const set = await getSet(deps, setId);
  const digest = await digestOf(payload);
  const head = set.headRelease === 0 ? undefined : await findRelease(deps, set.id, set.headRelease);
  const held = statement.release === set.headRelease ? head : await findRelease(deps, set.id, statement.release);
  const repeated = held?.digest === digest ? storedAnswer(setId, held) : undefined;
  return { statement, digest, set, head, repeated };
}

/** Root, signatures or custody, number and chain, times: in the order of what they cost. */
async function checkStatement(
  deps: Deps,
  { envelope }: Offered,
  { statement, digest, head }: { statement: ReleaseStatement; digest: Digest; head: ReleaseRow | undefined },
): Promise<void> {
  const now = deps.now();
  const root = await getCurrentRoot(deps, statement.publisher, now);
  if (envelope !== null) await openRelease(envelope, root);
  else await requireCustody(deps, statement, root);
  followsHead(head, { statement, digest });
  checkReleaseTimes(statement, seconds(now));
}

/** A repeat of a number with other bytes, a gap, a wrong `prev`: 409, and it names the head, since the publisher may see it. */
export function followsHead(head: ReleaseRow | undefined, next: ReleaseLink): void {
  const previous = head && {
    statement: parseStatement(parseEnvelope(head.envelope).payloadBytes),
    digest: head.digest,
  };
  try {
    checkNext(previous, next);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    const named = { head_release: head?.release ?? 0, head_digest: head?.digest ?? null };
    throw new ExchangeError(error.code, { ...error.detail, ...named }, { cause: error });
  }
}

async function requireCustody(deps: Deps, statement: ReleaseStatement, root: OpenedRoot): Promise<void> {
  if (statement.root !== root.root.version) {
    throw new ExchangeError("release_root", { have: root.root.version, got: statement.root });
  }
  await requireHeldKey(deps, statement.publisher, root);
}

/** The exchange can only have signed what one key of its own signs alone. @throws `custody_mismatch` */
export async function requireHeldKey(deps: Deps, publisher: string, root: OpenedRoot): Promise<void> {
  const jwk = await deps.signer.releaseKey(publisher);
  const { kids, threshold } = root.root.roles.release;
  if (jwk === undefined || threshold !== 1 || !kids.includes(await thumbprint(jwk))) {
    throw new ExchangeError("custody_mismatch");
  }
}

/** The number is taken and, in the same transaction, a job is queued that ends what this process may leave behind. */
async function claim(
  deps: Deps,
  { set, statement, digest, references }: Proposal,
  { payload, envelope }: Offered,
  { kind, memberId, actor }: Brought,
  { rowsTotal, isInline }: { rowsTotal: number; isInline: boolean },
): Promise<AdmissionRow | undefined> {
  await holdBlobs(deps, references);
  const { release } = statement;
  const via: Via = { kind, memberId, actor };
  return transaction(deps, async (tx) => {
    const state = isInline ? "running" : "queued";
    const row = await claimAdmission(deps, tx, {
      setId: set.id,
      release,
      digest,
      payload,
      envelope,
      via,
      rowsTotal,
      state,
    });
    if (row === undefined) return undefined;
    const runAt = new Date(deps.now().getTime() + (isInline ? 2 * ADMISSION_STALE_MS : 0));
    const payloadOfJob = { set_id: set.id, release };
    await enqueue(tx, deps, {
      kind: "sets.admit",
      key: admissionJobKey(set.id, release),
      payload: payloadOfJob,
      runAt,
    });
    return row;
  });
}

/** Somebody else holds the number: the same statement is on its way or through, or another one is. */
async function settle(deps: Deps, set: SetRow, statement: ReleaseStatement, digest: Digest): Promise<Outcome> {
  const held = await findRelease(deps, set.id, statement.release);
  const named = { head_release: held?.release ?? set.headRelease, head_digest: held?.digest ?? set.headDigest };
  if (held?.digest === digest) return { kind: "repeated", answer: storedAnswer(statement, held) };
  if (held !== undefined) throw new ExchangeError("release_fork", { ...named, got: statement.release });
  const other = await findAdmission(deps, set.id, statement.release);
  if (other?.digest === digest) return { kind: "pending", release: statement.release };
  throw new ExchangeError("admission_pending", { ...named, set: formatSetId(statement), got: statement.release });
}

export function storedAnswer({ publisher, set }: SetId, row: ReleaseRow): ReleaseAnswer {
  const { release, digest, logIndex, entries } = row;
  return { publisher, set, release, digest, log_index: logIndex, entries };
}
