/** A log read on from where it was left: checkpoint, entries, root, and what they say about those who are followed. */

import { base64urlOf, equalBytes } from "@breakwater/shared/bytes.ts";
import {
  type Checkpoint,
  checkAdvance,
  EMPTY_FRONTIER,
  type Frontier,
  NOTE_MAX_BYTES,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVkey,
  rootOf,
} from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { CLOCK_SKEW_SECONDS } from "@breakwater/shared/schema.ts";
import type { Exchange } from "../../http/index.ts";
import type { CheckpointAnswer } from "../../http/log.ts";
import type { LogPin } from "../../profile/log-pins.ts";
import type { Pins } from "../../profile/pins.ts";
import { keepCheckpoints, keepFindings } from "./keep.ts";
import { type Reading, readAllLeaves } from "./read.ts";
import { errorOf, frontierOf, hold, type LogState, newLogState, readLogState, writeLogState } from "./state.ts";

/** A clock that differs from the exchange's by more is wrong, and then nothing can be said about age. */
export const CLOCK_TRUST_MS = 24 * 60 * 60 * 1000;

export type LogSource = Pick<Exchange, "origin" | "getLogInfo" | "getCheckpoint" | "getBundle">;

export type TailContext = {
  source: LogSource;
  stateDir: string;
  /** Whose statements are followed, by what was agreed on out of band. */
  pins: Pins;
  /** The log to hold the exchange to; otherwise the one held before, or at first use the one it offers. */
  log?: Pick<LogPin, "url" | "origin" | "vkey"> | undefined;
  now: Date;
};

/** @property state - as it is on the disk now; undefined before the first checkpoint */
export type Tail = { state: LogState | undefined; advanced: boolean; error?: ExchangeError };

/** Reads on, and says how that went as a value: a log that cannot be read leaves what is held in force. */
export async function tailLog(context: TailContext): Promise<Tail> {
  const held = await readLogState(context.stateDir, context.source.origin);
  try {
    return await advance(context, held);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    // What was held may have changed: a fork is written down before it is told.
    return { state: await readLogState(context.stateDir, context.source.origin), advanced: false, error };
  }
}

async function advance(context: TailContext, known: LogState | undefined): Promise<Tail> {
  const { source, stateDir, now } = context;
  const state = await openState(context, known);
  // §2.13 step 1: a clock set back would make an old state look fresh.
  if (state.checked_at !== undefined && now.getTime() + CLOCK_SKEW_SECONDS * 1000 < Date.parse(state.checked_at)) {
    throw new ExchangeError("clock");
  }
  if (state.held !== undefined) throw errorOf(state.held);
  const newcomers = findNewcomers(state, context);
  const answer = await source.getCheckpoint(state.log.url, newcomers.length === 0 ? state.etag : undefined);
  checkClock(answer, now);
  if (answer.note === "unchanged") {
    if (state.checkpoint === null) throw new ExchangeError("cp_format", { reason: "unchanged" });
    return keepCurrent(stateDir, { ...state, checked_at: now.toISOString() });
  }
  const opened = await openNote(state, answer.note);
  const step = await checkStep(stateDir, state, opened, now);
  const confirmed: LogState = { ...state, checked_at: now.toISOString() };
  if (answer.etag !== undefined) confirmed.etag = answer.etag;
  else delete confirmed.etag;
  if (step === "same" && newcomers.length === 0) return keepCurrent(stateDir, confirmed);
  const reading = await readTrue(context, confirmed, opened, newcomers);
  const next: LogState = {
    ...reading.state,
    size: opened.checkpoint.size,
    frontier: reading.frontier.hashes.map(base64urlOf),
    checkpoint: opened.note,
  };
  // Recalls and evidence first: a crash in between repeats them, the other way round it would lose them.
  await keepFindings(stateDir, next, reading.findings, now);
  await writeLogState(stateDir, next);
  return { state: next, advanced: true };
}

/** The state to go on from; another log than before is read from its beginning. */
async function openState({ source, log }: TailContext, known: LogState | undefined): Promise<LogState> {
  const pin = log ?? known?.log ?? (await source.getLogInfo());
  parseVkey(pin.vkey);
  if (known === undefined || known.log.vkey !== pin.vkey || known.log.origin !== pin.origin) {
    return newLogState(source.origin, pin as LogState["log"]);
  }
  return { ...known, log: { ...known.log, url: pin.url } };
}

/** Publishers that were not read from the log's beginning yet under the pin they have now. */
function findNewcomers({ publishers }: LogState, { pins }: TailContext): string[] {
  return Object.keys(pins).filter((name) => {
    const [log, pin] = [Object.hasOwn(publishers, name) ? publishers[name] : undefined, pins[name]];
    return log === undefined || log.pin.version !== pin?.version || log.pin.digest !== pin.digest;
  });
}

// A year's difference would make everything look run out, or nothing ever: neither is the log's doing.
function checkClock({ at }: CheckpointAnswer, now: Date): void {
  if (at !== undefined && Math.abs(at.getTime() - now.getTime()) > CLOCK_TRUST_MS) {
    throw new ExchangeError("clock", { reason: "differs_from_the_exchange" });
  }
}

async function openNote({ log }: LogState, note: Uint8Array): Promise<OpenedCheckpoint> {
  if (note.length > NOTE_MAX_BYTES) throw new ExchangeError("cp_format", { reason: "too large" });
  return openCheckpoint(note, { origin: log.origin, vkey: parseVkey(log.vkey) });
}

/** §2.13 step 5. Two checkpoints of one size with two roots are kept: they are the proof. */
async function checkStep(
  stateDir: string,
  state: LogState,
  opened: OpenedCheckpoint,
  now: Date,
): Promise<"first" | "same" | "larger"> {
  try {
    return checkAdvance(heldCheckpoint(state), opened.checkpoint);
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "cp_fork") await holdLog(stateDir, state, opened, error, now);
    throw error;
  }
}

function heldCheckpoint({ checkpoint }: LogState): Checkpoint | undefined {
  return checkpoint === null ? undefined : parseCheckpoint(parseNote(checkpoint).text);
}

/** §2.13 step 6: entries whose root is not the signed one are asked for once more, past caches. */
async function readTrue(
  context: TailContext,
  state: LogState,
  opened: OpenedCheckpoint,
  newcomers: string[],
): Promise<Reading> {
  const from: Frontier = newcomers.length > 0 ? EMPTY_FRONTIER : frontierOf(state);
  const read = (past?: "caches") =>
    readAllLeaves(context, state, { from, newcomers, size: opened.checkpoint.size }, past);
  const reading = await read();
  if (isTrue(reading, state, opened)) return reading;
  const again = await read("caches");
  if (isTrue(again, state, opened)) return again;
  const error = new ExchangeError("cp_inconsistent", { have: state.size, got: opened.checkpoint.size });
  await holdLog(context.stateDir, state, opened, error, context.now);
  throw error;
}

/** The entries have the signed root; and where they were read from the beginning, also the root that was held before. */
function isTrue({ frontier, passing }: Reading, state: LogState, { checkpoint }: OpenedCheckpoint): boolean {
  const before = heldCheckpoint(state);
  const extendsHeld = before === undefined || passing === undefined || equalBytes(rootOf(passing), before.root);
  return equalBytes(rootOf(frontier), checkpoint.root) && extendsHeld;
}

async function holdLog(
  stateDir: string,
  state: LogState,
  opened: OpenedCheckpoint,
  { code, detail }: ExchangeError,
  now: Date,
): Promise<void> {
  await keepCheckpoints(stateDir, state, opened.note);
  // Without the tag: it may be that of the checkpoint that was just refused.
  const { etag: _, ...kept } = state;
  await writeLogState(stateDir, { ...kept, held: hold(code, now, detail) });
}

async function keepCurrent(stateDir: string, state: LogState): Promise<Tail> {
  await writeLogState(stateDir, state);
  return { state, advanced: false };
}
