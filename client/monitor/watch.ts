/** One look: the log read on, every statement in the publisher's name held against the journal, what is foreign kept. */

import { base64urlOf, equalBytes } from "@breakwater/shared/bytes.ts";
import {
  type Checkpoint,
  checkAdvance,
  type Frontier,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVkey,
  rootOf,
} from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Exchange } from "../http/index.ts";
import { type LogPin, obtainLogPin } from "../profile/log-pins.ts";
import type { Pin } from "../profile/pins.ts";
import { journalPath, readJournal } from "../publish/journal.ts";
import { keepEvidence } from "../sync/evidence.ts";
import { glanceAt, type Leaf } from "../sync/log/leaf.ts";
import { readLeaves } from "../sync/log/leaves.ts";
import { evidenceDir } from "../sync/paths.ts";
import { collectKeys, judgeLeaf } from "./judge.ts";
import { findRefused, type RefusedSource } from "./refused.ts";
import {
  type Alarm,
  frontierOf,
  type MonitorState,
  monitorDir,
  newMonitorState,
  type RefusedRecall,
  readMonitorState,
  writeMonitorState,
} from "./state.ts";

export type MonitorContext = {
  exchange: RefusedSource & Pick<Exchange, "origin" | "getLogInfo" | "getCheckpoint" | "getBundle" | "findRoot">;
  profileDir: string;
  stateDir: string;
  publisher: string;
  pin: Pin | undefined;
  /** Journals of the publisher's other machines. */
  journals?: readonly string[];
  now: Date;
};

export type Watched = {
  size: number;
  /** Statements in the publisher's name since the last look, and in all. */
  fresh: number;
  seen: number;
  /** All that nobody has explained yet, old ones included. */
  alarms: Alarm[];
  /** Recalls that were brought in the publisher's name and refused, since the last look. */
  refused: RefusedRecall[];
  evidence: string;
};

/**
 * @throws ExchangeError `cp_rollback`, `cp_fork`, `cp_inconsistent`, `cp_sig` … when the log itself is not to be believed;
 *   what proves it is kept
 */
export async function watchOnce(context: MonitorContext): Promise<Watched> {
  const { exchange, profileDir, stateDir, publisher, now } = context;
  if (context.pin === undefined) throw new ExchangeError("root_pin", { reason: "not_pinned" });
  const { pin: log } = await obtainLogPin(profileDir, exchange, now);
  const held = await readMonitorState(stateDir, publisher);
  const isSameLog = held?.log.vkey === log.vkey && held.log.origin === log.origin;
  // Another log is watched from its beginning; what is unexplained stays so.
  const state = isSameLog
    ? held
    : { ...newMonitorState(log), alarms: held?.alarms ?? [], refused: held?.refused ?? [] };
  const evidence = evidenceDir(monitorDir(stateDir, publisher));
  const opened = await fetchCheckpoint(context, log);
  const read = opened && (await readOn(context, log, state, opened, evidence));
  const own = read?.own ?? [];

  const journals = await Promise.all([journalPath(profileDir), ...(context.journals ?? [])].map(readJournal));
  const keys = await collectKeys(exchange, stateDir, publisher, context.pin);
  // Those of earlier looks are judged again: a person may have explained them since.
  const known = new Set(journals.flatMap((journal) => [...journal.keys()]));
  const alarms = state.alarms.filter(({ digest }) => digest === null || !known.has(digest));
  for (const leaf of own) {
    const alarm = await judgeLeaf(leaf, { journals, keys, now });
    if (alarm === undefined) continue;
    await keepEvidence(evidence, `leaf-${leaf.index}.jws`, leaf.bytes);
    if (opened !== undefined) await keepEvidence(evidence, `checkpoint-${opened.checkpoint.size}.txt`, opened.note);
    alarms.push(alarm);
  }
  const { all: refused, fresh: freshlyRefused } = await findRefused(exchange, publisher, state.refused);
  const next: MonitorState = {
    ...state,
    ...(read === undefined || opened === undefined
      ? {}
      : {
          size: opened.checkpoint.size,
          frontier: read.frontier.hashes.map(base64urlOf),
          checkpoint: opened.note,
        }),
    seen: state.seen + own.length,
    alarms,
    refused,
  };
  // Evidence first: a crash in between finds the same leaves again, the other way round it would lose them.
  await writeMonitorState(stateDir, publisher, next);
  return { size: next.size, fresh: own.length, seen: next.seen, alarms, refused: freshlyRefused, evidence };
}

/** Undefined while the log has no checkpoint yet. */
async function fetchCheckpoint({ exchange }: MonitorContext, log: LogPin): Promise<OpenedCheckpoint | undefined> {
  try {
    const { note } = await exchange.getCheckpoint(log.url);
    if (note === "unchanged") throw new ExchangeError("cp_format", { reason: "unchanged" });
    return await openCheckpoint(note, { origin: log.origin, vkey: parseVkey(log.vkey) });
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "not_logged_yet") return undefined;
    throw error;
  }
}

type Read = { own: Leaf[]; frontier: Frontier };

async function readOn(
  context: MonitorContext,
  log: LogPin,
  state: MonitorState,
  opened: OpenedCheckpoint,
  evidence: string,
): Promise<Read> {
  const proving = async <T>(error: unknown): Promise<T> => {
    if (error instanceof ExchangeError && (error.code === "cp_fork" || error.code === "cp_inconsistent")) {
      if (state.checkpoint !== null)
        await keepEvidence(evidence, `checkpoint-${state.size}-ours.txt`, state.checkpoint);
      await keepEvidence(evidence, `checkpoint-${opened.checkpoint.size}-theirs.txt`, opened.note);
    }
    throw error;
  };
  try {
    const step = checkAdvance(checkpointOf(state), opened.checkpoint);
    if (step === "same") return { own: [], frontier: frontierOf(state) };
    const read = await readLeavesOf(context, log, state, opened.checkpoint.size);
    if (equalBytes(rootOf(read.frontier), opened.checkpoint.root)) return read;
    // A cache on the way may hold what is not true; the log itself is asked once more.
    const again = await readLeavesOf(context, log, state, opened.checkpoint.size, "caches");
    if (equalBytes(rootOf(again.frontier), opened.checkpoint.root)) return again;
    throw new ExchangeError("cp_inconsistent", { have: state.size, got: opened.checkpoint.size });
  } catch (error) {
    return proving(error);
  }
}

async function readLeavesOf(
  { exchange, publisher }: MonitorContext,
  log: LogPin,
  state: MonitorState,
  size: number,
  past?: "caches",
): Promise<Read> {
  const own: Leaf[] = [];
  let frontier = frontierOf(state);
  for await (const run of readLeaves(exchange, log.url, frontier, size, past)) {
    for (const [at, bytes] of run.entries.entries()) {
      const leaf = glanceAt(run.from + at, bytes);
      if (leaf?.publisher === publisher) own.push(leaf);
    }
    frontier = run.frontier;
  }
  return { own, frontier };
}

function checkpointOf({ checkpoint }: MonitorState): Checkpoint | undefined {
  return checkpoint === null ? undefined : parseCheckpoint(parseNote(checkpoint).text);
}
