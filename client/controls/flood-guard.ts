/**
 * The flood guard of one process. Its own hits count at once; those of other processes on the same state folder are read
 * from their ledger files. So what one process may miss is what the others hit within FLUSH_MS + TAIL_MS; and once any of
 * them trips, the controls file tells the others within a second.
 */

import type { FloodScope } from "@breakwater/shared/vocab/opinions.ts";
import { type Decision, parseDecision, publisherOf } from "../ledger/decision.ts";
import { dayOf, listLedgerFiles, readLines } from "../ledger/files.ts";
import type { Flood } from "./controls.ts";
import { updateControls } from "./file.ts";
import { FLOOD_WINDOW_MIN, makeFloodCounter } from "./flood-counter.ts";
import type { LiveControls } from "./live.ts";
import { formatTarget, type Target, type Targeted } from "./target.ts";

export const TAIL_MS = 500;
/** Past that a guard learns from when it starts: a week, newest first, as far as that much of the ledger tells. */
const HISTORY_DAYS = 7;
const HISTORY_MAX_BYTES = 64 * 1024 * 1024;
/** Of each other process, a look. A process that writes more than that is in a flood, and its own guard says so. */
const TAIL_MAX_BYTES = 4 * 1024 * 1024;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export type FloodGuard = {
  /** Counts a hit, and holds from then on whatever it floods. */
  note(hit: Targeted, now: Date): void;
  close(): Promise<void>;
};

type GuardOptions = {
  stateDir: string;
  live: LiveControls;
  now: () => Date;
  /** The name of the ledger file of this process, whose rows are counted already. */
  ownFile: () => string | undefined;
  /** Once for each flood, in the process that found it first. */
  onFlood: (flood: Flood) => void;
};

export async function openFloodGuard({ stateDir, live, now, ownFile, onFlood }: GuardOptions): Promise<FloodGuard> {
  const counter = makeFloodCounter(minuteOf(now()));
  const offsets = new Map<string, number>();
  const own = new Set<string>();
  const tripped: Flood[] = [];
  const unwritten: Flood[] = [];
  let writing: Promise<void> | undefined;
  let looking: Promise<void> | undefined;

  function note(hit: Targeted, at: Date, judgeAt: Date): void {
    const minute = minuteOf(at);
    const judgeMinute = minuteOf(judgeAt);
    for (const [scope, target] of targetsOf(hit)) {
      const key = formatTarget(target);
      counter.add(key, minute);
      const { count, expected, isFlood } = counter.judge(key, scope, judgeMinute);
      // Held by something wider already, or just resumed: there is nothing more to hold.
      if (!isFlood || live.current.findFlood(hit) !== undefined || live.current.isQuiet(key, judgeAt)) continue;
      trip({ target, set: hit.set, at: judgeAt.toISOString(), count, expected });
    }
  }

  function trip(flood: Flood): void {
    live.assume(flood);
    tripped.push(flood);
    writing ??= writeTripped().finally(() => {
      writing = undefined;
    });
  }

  /** Many may trip at once: they are written together, by one writer. */
  async function writeTripped(): Promise<void> {
    while (tripped.length > 0) {
      const floods = tripped.splice(0);
      const added = await addFloods(stateDir, floods);
      if (added === undefined) unwritten.push(...floods);
      for (const flood of added ?? floods) onFlood(flood);
    }
  }

  /** What could not be written holds only here, where no person could end it: it is written as soon as it can be. */
  async function writeAgain(): Promise<void> {
    if (unwritten.length === 0) return;
    const floods = unwritten.splice(0);
    if ((await addFloods(stateDir, floods)) === undefined) unwritten.push(...floods);
  }

  async function tail(): Promise<void> {
    const mine = ownFile();
    if (mine !== undefined) own.add(mine);
    const at = now();
    for (const { name, path } of await listLedgerFiles(
      stateDir,
      dayOf(new Date(at.getTime() - FLOOD_WINDOW_MIN * MINUTE_MS)),
    )) {
      if (own.has(name)) continue;
      const found = await read(path, offsets.get(name) ?? 0, TAIL_MAX_BYTES);
      if (found === undefined) continue;
      offsets.set(name, found.next);
      for (const line of found.lines) {
        const row = countedRow(line);
        if (row !== undefined) note(row.hit, row.at, at);
      }
    }
  }

  await learn(stateDir, now(), counter, offsets);
  const timer = setInterval(() => {
    looking ??= writeAgain()
      .then(tail)
      .catch(() => undefined) // a folder that cannot be read now: the next look tries again
      .finally(() => {
        looking = undefined;
      });
  }, TAIL_MS).unref();
  return {
    note: (hit, at) => note(hit, at, at),
    async close() {
      clearInterval(timer);
      await looking;
      await writing;
    },
  };
}

/** @returns those that nobody had found before; undefined when the file cannot be written */
async function addFloods(stateDir: string, floods: readonly Flood[]): Promise<readonly Flood[] | undefined> {
  let added: readonly Flood[] = [];
  try {
    await updateControls(stateDir, (before) => {
      const known = new Set(before.floods.map(({ target }) => formatTarget(target)));
      added = floods.filter(({ target }) => !known.has(formatTarget(target)));
      return added.length === 0 ? before : { ...before, floods: [...before.floods, ...added] };
    });
    return added;
  } catch {
    return undefined;
  }
}

/** What is there already is the past; nothing of it trips anything now. */
async function learn(
  stateDir: string,
  now: Date,
  counter: ReturnType<typeof makeFloodCounter>,
  offsets: Map<string, number>,
): Promise<void> {
  const files = await listLedgerFiles(stateDir, dayOf(new Date(now.getTime() - HISTORY_DAYS * DAY_MS)));
  let bytes = 0;
  for (const { name, path } of files.reverse()) {
    if (bytes >= HISTORY_MAX_BYTES) break;
    let at = 0;
    for (let found = await read(path, at); found !== undefined; found = await read(path, at)) {
      at = found.next;
      for (const line of found.lines) {
        const row = countedRow(line);
        if (row === undefined) continue;
        counter.watchedSince(minuteOf(row.at));
        for (const [, target] of targetsOf(row.hit)) counter.add(formatTarget(target), minuteOf(row.at));
      }
    }
    offsets.set(name, at);
    bytes += at;
  }
}

/** A file may be gone because its day ended. */
function read(path: string, from: number, maxBytes?: number) {
  return readLines(path, from, maxBytes).catch(() => undefined);
}

/** Made-up data and what a person allowed say nothing about a set. */
function countedRow(line: string): { hit: Targeted; at: Date } | undefined {
  const row = line === "" ? undefined : parseDecision(line);
  if (row === undefined || !isCounted(row)) return undefined;
  const { set, entry, origin } = row;
  return { hit: { set, publisher: publisherOf(set), entry, origin: originFrom(origin) }, at: new Date(row.at) };
}

export function isCounted({ why }: Pick<Decision, "why">): boolean {
  return why !== "test_set" && why !== "allow_listed";
}

function originFrom({ release, earliest }: Decision["origin"]): Targeted["origin"] {
  return earliest === undefined ? { release } : { release, earliest };
}

function targetsOf({ set, publisher, entry, origin }: Targeted): [FloodScope, Target][] {
  return [
    ["entry", { scope: "entry", set, entry }],
    ["release", { scope: "release", set, from: origin.earliest ?? origin.release, to: origin.release }],
    ["publisher", { scope: "publisher", publisher }],
  ];
}

function minuteOf(at: Date): number {
  return Math.floor(at.getTime() / MINUTE_MS);
}
