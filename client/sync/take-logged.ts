/** A set by the log: what its newest release is, whether it may be taken, and whether the exchange offers the same. */

import { type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openRelease, parseStatement } from "@breakwater/shared/release.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import type { Pin } from "../profile/pins.ts";
import { findHeldLink, type Held } from "./copy.ts";
import { evidenceName, keepEvidence } from "./evidence.ts";
import { fetchLists, fetchRecalls } from "./fetch-recalls.ts";
import { bytesOf } from "./log/leaf.ts";
import { headLink } from "./log/publisher.ts";
import { openLogRoots } from "./log/roots.ts";
import {
  errorOf,
  findSetLog,
  hold,
  type LogState,
  type PublisherLog,
  type SetLog,
  writeLogState,
} from "./log/state.ts";
import { type Tail, tailLog } from "./log/tail.ts";
import { evidenceDir, setDir } from "./paths.ts";
import { dropEndedRecalls, keepUnlogged, readRecalls, resetRecalls } from "./recalls.ts";
import type { SetStatus } from "./status.ts";
import { findExpired, isUpToDate, type Notice, openIfSound, type SyncContext, type Synced } from "./sync-set.ts";
import { settle, takeRelease } from "./take-release.ts";

/** A release is in a checkpoint about a second after it was accepted; a head that is not by then is looked at again. */
const LAG_LOOKS = 10;
const LAG_WAIT_MS = 500;

export async function takeLogged(context: SyncContext, pin: Pin, status: SetStatus | undefined): Promise<Synced> {
  const { stateDir, setId, now } = context;
  const tail = context.tail ?? (await tailFor(context, pin));
  // Before anything can fail: a recall waits for nothing, neither for a readable log nor for a set that is held.
  const notices = await takeRecallsOf(context, tail);
  if (tail.error !== undefined) throw tail.error;
  const offered = await placeInLog(context, pin, tail);
  const { publisher, set } = offered;
  const held = context.fresh ? undefined : await findHeldLink(stateDir, setId);
  const copy = context.fresh ? undefined : await openIfSound(stateDir, setId);
  const head = {
    ...(headLink(set) as NonNullable<ReturnType<typeof headLink>>),
    bytes: bytesOf(set.head?.envelope ?? ""),
  };
  const roots = await openLogRoots(publisher);
  const known = new Map(set.chain);
  const root = roots[roots.length - 1] as OpenedRoot;
  const expired = findExpired(root.root, head.statement, now);
  const publisherSince = new Date((roots[0] as OpenedRoot).root.iat * 1000).toISOString();
  const all = [...notices, ...offered.notices];
  const offer = { head, root, held, copy, status, expired, notices: all, known, publisherSince };
  if (isUpToDate(context, copy, head)) {
    return settle(context, { ...offer, copy });
  }
  if (held === undefined || known.get(held.statement.release) === held.digest) return takeRelease(context, offer);
  if (set.chosen) return takeRelease(context, { ...offer, reload: true });
  const [have, got] = [held.statement.release, head.statement.release];
  // The publisher's own machine is ahead of the log; nobody else's can be.
  if (have > got) return aheadOfLog(context, copy, offer);
  // Further behind than statements are kept: the manifest's list does not reach back either, and the snapshot is loaded.
  if (known.get(have) === undefined && have < got) return takeRelease(context, offer);
  throw new ExchangeError("release_fork", { have, got: have });
}

function tailFor({ source, stateDir, setId, log, now }: SyncContext, pin: Pin): Promise<Tail> {
  return tailLog({ source, stateDir, pins: { [setId.publisher]: pin }, log, now });
}

type Placed = { state: LogState; publisher: PublisherLog; set: SetLog; notices: Notice[] };

/** Where the set stands by the log; looks at the exchange's own head only when the log or the copy moved. */
async function placeInLog(context: SyncContext, pin: Pin, tail: Tail): Promise<Placed> {
  const { source, setId } = context;
  let { state } = tail;
  let set = judgeHolds(context, state);
  const isIdle = !tail.advanced && set?.head !== undefined && (await isHeldAlready(context, set.head.digest));
  if (isIdle) return { ...partsOf(context, state, set), notices: [] };
  let offered = await source.findHead(setId);
  if (offered === undefined) throw new ExchangeError("not_found");
  for (let look = 0; look < LAG_LOOKS && isAhead(await claimOf(offered.bytes), set); look++) {
    await (context.sleep ?? wait)(LAG_WAIT_MS);
    const again = await tailFor(context, pin);
    if (again.error !== undefined) throw again.error;
    state = again.state;
    set = judgeHolds(context, state);
    offered = (await source.findHead(setId)) ?? offered;
  }
  const parts = partsOf(context, state, set, offered.bytes);
  const notices = await compareHeads(context, parts, offered.bytes);
  if (offered.recall > (await readRecalls(context.stateDir, setId)).newest) {
    notices.push(...(await fetchRecalls(context, await openLogRoots(parts.publisher), offered.recall)));
  }
  return { ...parts, notices };
}

async function isHeldAlready({ stateDir, setId, fresh }: SyncContext, digest: Digest): Promise<boolean> {
  if (fresh) return false;
  return (await findHeldLink(stateDir, setId).catch(() => undefined))?.digest === digest;
}

/** @throws ExchangeError for a publisher or set that a person has to decide about, and for one that is not in the log */
function judgeHolds({ setId }: SyncContext, state: LogState | undefined): SetLog | undefined {
  const publisher = state?.publishers[setId.publisher];
  if (publisher === undefined || !publisher.anchored) {
    throw new ExchangeError((publisher?.ignored.root_pin ?? 0) > 0 ? "root_pin" : "root_missing", {
      reason: "not_in_the_log",
    });
  }
  if (publisher.held !== undefined) throw errorOf(publisher.held);
  const set = findSetLog(state, setId.publisher, setId.set);
  if (set?.held !== undefined) {
    const { candidate } = set;
    const choice = candidate && { held_statement: candidate.digest, held_release: candidate.release };
    const error = errorOf(set.held);
    throw new ExchangeError(error.code, { ...error.detail, ...choice }, { cause: error });
  }
  return set;
}

function partsOf(
  { setId }: SyncContext,
  state: LogState | undefined,
  set: SetLog | undefined,
  offered?: Uint8Array,
): Omit<Placed, "notices"> {
  const publisher = state?.publishers[setId.publisher];
  if (state === undefined || publisher === undefined) throw new ExchangeError("root_missing");
  // Offered by the exchange, and by nobody's word in the log.
  if (set?.head === undefined)
    throw new ExchangeError(offered === undefined ? "not_found" : "not_logged", { set: formatSetId(setId) });
  return { state, publisher, set };
}

type Claim = { release: number; digest: Digest } | undefined;

/** What an envelope says of itself; nothing of it is believed. */
async function claimOf(bytes: Uint8Array): Promise<Claim> {
  try {
    const { payloadBytes } = parseEnvelope(bytes);
    return { release: parseStatement(payloadBytes, { strict: false }).release, digest: await digestOf(payloadBytes) };
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}

function isAhead(claim: Claim, set: SetLog | undefined): boolean {
  return claim !== undefined && claim.release > (set?.head?.release ?? 0);
}

/** §2.13 step 12: whatever the exchange offers, the log's release is taken; a difference is told. */
async function compareHeads(
  { stateDir, setId, now }: SyncContext,
  { set, publisher, state }: Omit<Placed, "notices">,
  offered: Uint8Array,
): Promise<Notice[]> {
  const claim = await claimOf(offered);
  const { release: have, digest } = set.head as NonNullable<SetLog["head"]>;
  if (claim?.digest === digest) return [];
  if (claim !== undefined && claim.release < have) {
    return [{ code: "withheld", detail: { have, got: claim.release } }];
  }
  const name = claim === undefined ? "head-unreadable.jws" : `not-logged-${evidenceName(claim.digest, "jws")}`;
  await keepEvidence(evidenceDir(setDir(stateDir, setId)), name, offered);
  if (claim?.release === have && (await isSigned(offered, publisher))) {
    // Two of one number, both signed, and the log has only one: as held as if it had both.
    set.held = hold("release_fork", now, { have, got: have });
    if (set.head !== undefined) set.candidate = set.head;
    await writeLogState(stateDir, state);
    throw new ExchangeError("release_fork", { have, got: have });
  }
  return [{ code: "not_logged", detail: { have, ...(claim && { got: claim.release }) } }];
}

async function isSigned(bytes: Uint8Array, publisher: PublisherLog): Promise<boolean> {
  const roots = await openLogRoots(publisher);
  try {
    await openRelease(bytes, roots[roots.length - 1] as OpenedRoot, { strict: false });
    return true;
  } catch (error) {
    if (error instanceof ExchangeError) return false;
    throw error;
  }
}

/** Recalls from the feed where the log could not be read; ended ones are forgotten; one that is never logged is told. */
async function takeRecallsOf(context: SyncContext, { error, state }: Tail): Promise<Notice[]> {
  const { stateDir, setId, now } = context;
  const notices: Notice[] = [];
  const publisher = state?.publishers[setId.publisher];
  const isReset = context.fresh === true && (await resetRecalls(stateDir, setId));
  if (publisher?.anchored) {
    if (isReset || (error !== undefined && error.code !== "clock")) {
      notices.push(...(await fetchRecalls(context, await openLogRoots(publisher))));
    }
    await fetchLists(context);
  }
  await dropEndedRecalls(stateDir, setId, now);
  for (const recall of await keepUnlogged(stateDir, setId, now)) {
    notices.push({ code: "not_logged", detail: { recall } });
  }
  return notices;
}

async function aheadOfLog(
  context: SyncContext,
  copy: Held | undefined,
  offer: Parameters<typeof takeRelease>[1],
): Promise<Synced> {
  if (copy === undefined) throw new ExchangeError("copy_damaged", { reason: "rows" });
  const notices = [...offer.notices, { code: "not_logged" as const, detail: { have: copy.current.release } }];
  return settle(context, { ...offer, head: { ...copy.link, bytes: copy.envelope }, copy, notices });
}

/** A person has looked at the chains of a held set and chosen: the candidate becomes the head, and only that one. */
export async function chooseCandidate(
  stateDir: string,
  state: LogState,
  setId: SyncContext["setId"],
): Promise<SetLog | undefined> {
  const set = findSetLog(state, setId.publisher, setId.set);
  if (set?.held === undefined || set.candidate === undefined) return undefined;
  const { release, digest } = set.candidate;
  set.chain = [[release, digest]];
  set.head = set.candidate;
  set.chosen = true;
  delete set.held;
  delete set.candidate;
  await writeLogState(stateDir, state);
  return set;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
