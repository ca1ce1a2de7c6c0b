/** The one door for recalls: checked cheapest first, numbered, logged, and in force from the commit on. */

import { type Bytes, type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { checkRecallTimes, openRecall, parseRecall, type Recall } from "@breakwater/shared/recall.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import { RECALLS_ACTIVE_MAX, type RecallAnswer } from "@breakwater/shared/wire/recalls.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import {
  getNewestRoot,
  getSet,
  listFormerRoots,
  requireHeldKey,
  type SetRow,
  seconds,
  type Via,
} from "../sets/index.ts";
import { commitRecall } from "./commit.ts";
import { checkCoverage } from "./coverage.ts";
import { finishLeftRecall, reserveSigning } from "./signings.ts";
import { findRecall, isVouchedFor, listUnexpired, type RecallRow } from "./store.ts";

export type Brought = Via & { setId: SetId };
export type Accepted = { answer: RecallAnswer; repeated: boolean };
/** The statement's exact bytes, and the envelope around them unless the exchange is to have it signed. */
type Offered = { payload: Bytes; envelope: Uint8Array | null };

/** Accept a signed recall. @throws ExchangeError every refusal; nothing is stored then */
export async function acceptRecall(deps: Deps, envelope: Uint8Array, via: Brought): Promise<Accepted> {
  return accept(deps, { payload: parseEnvelope(envelope).payloadBytes, envelope }, via);
}

/** Accept a recall whose release key the exchange holds: the same way, and signed at the end of it. */
export async function acceptRecallStatement(deps: Deps, payload: Bytes, via: Brought): Promise<Accepted> {
  return accept(deps, { payload, envelope: null }, via);
}

async function accept(deps: Deps, offered: Offered, via: Brought): Promise<Accepted> {
  const { setId, ...by } = via;
  const recall = parseRecall(offered.payload);
  const { publisher: needs } = recall;
  if (needs !== setId.publisher) throw new ExchangeError("publisher_mismatch", { needs });
  if (recall.set !== setId.set) throw new ExchangeError("recall_invalid", { path: "/set" });
  const digest = await digestOf(offered.payload);
  const before = await getSet(deps, setId);
  const held = await findRecall(deps, before.id, recall.recall);
  if (held?.digest === digest) return { answer: answerOf(setId, held), repeated: true };

  const root = await getNewestRoot(deps, recall.publisher);
  await checkSigner(deps, offered, recall, root);
  checkRecallTimes(recall, seconds(deps.now()));
  // What an earlier request left half-way has the signer's word already, so it comes first. It may be this very one.
  await finishLeftRecall(deps, before);
  const set = await getSet(deps, setId);
  const settled = await findRecall(deps, set.id, recall.recall);
  if (settled?.digest === digest) return { answer: answerOf(setId, settled), repeated: true };
  await checkNumber(deps, set, recall);
  await requireRoom(deps, set, root);
  const { list } = await checkCoverage(deps, set, recall, via.memberId);

  const { payload, envelope } = offered;
  if (envelope === null) await reserveSigning(deps, set, { recall, payload, via: by });
  await deps.killPoint("after_recall_reserved");
  const row = await commitRecall(deps, set, { recall, digest, payload, envelope, list, via: by }).catch(
    async (error: unknown) => {
      // Whoever was faster may have brought, or finished, this very statement.
      const other = await findRecall(deps, set.id, recall.recall);
      if (error instanceof ExchangeError && error.code === "recall_fork" && other?.digest === digest) return other;
      throw error;
    },
  );
  return { answer: answerOf(setId, row), repeated: false };
}

/** By a release key of the newest root, or by the signer in its name. The root's own end does not stop taking back. */
async function checkSigner(deps: Deps, { envelope }: Offered, recall: Recall, root: OpenedRoot): Promise<void> {
  if (envelope !== null) await openWithFormer(deps, envelope, root);
  else {
    if (recall.root > root.root.version) {
      throw new ExchangeError("recall_root", { have: root.root.version, got: recall.root });
    }
    await requireHeldKey(deps, recall.publisher, root);
  }
}

// The former roots are read only to say whose key it was: most strangers' signatures never get this far.
async function openWithFormer(deps: Queries, envelope: Uint8Array, root: OpenedRoot): Promise<void> {
  try {
    await openRecall(envelope, root);
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== "envelope_kid_unknown") throw error;
    await openRecall(envelope, root, { former: await listFormerRoots(deps, root.root.publisher) });
  }
}

/** The next number; anything else is a 409 that names the newest. @throws `recall_fork`, `recall_rollback`, `recall_gap` */
async function checkNumber(deps: Queries, set: SetRow, { recall: got }: Recall): Promise<void> {
  const have = set.headRecall;
  if (got === have + 1) return;
  const newest = await findRecall(deps, set.id, have);
  const named = { have, got, head_recall: have, head_digest: newest?.digest ?? null };
  if (got > have) throw new ExchangeError("recall_gap", named);
  throw new ExchangeError(got === have ? "recall_fork" : "recall_rollback", named);
}

/** Every subscriber fetches all that are in force, so there is an end to their number. @throws `rate_limited` */
async function requireRoom(deps: Deps, set: SetRow, root: OpenedRoot): Promise<void> {
  const now = deps.now();
  const rows = (await listUnexpired(deps, set.id, now)).filter((row) => isVouchedFor(row, root));
  if (rows.length < RECALLS_ACTIVE_MAX) return;
  const firstEnd = Math.min(...rows.map(({ expiresAt }) => expiresAt.getTime()));
  throw new ExchangeError("rate_limited", {
    max: RECALLS_ACTIVE_MAX,
    retry_after: Math.ceil((firstEnd - now.getTime()) / 1000),
  });
}

function answerOf({ publisher, set }: SetId, row: RecallRow): RecallAnswer {
  const { recall, digest, logIndex, expiresAt } = row;
  return { publisher, set, recall, digest: digest as Digest, log_index: logIndex, ends_at: expiresAt.toISOString() };
}
