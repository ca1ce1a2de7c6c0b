/** What a round of syncs begins with: the log, read once for all sets, and which sets there are to sync. */

import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Exchange } from "../http/index.ts";
import { type LogPin, obtainLogPin } from "../profile/log-pins.ts";
import type { Pin } from "../profile/pins.ts";
import { listCopies } from "./copy.ts";
import { readLogState, writeLogState } from "./log/state.ts";
import { type Tail, tailLog } from "./log/tail.ts";

/** The log says what is new of what is read; what may be read besides changes rarely, and is asked for less often. */
const CATALOGUE_EVERY_MS = 10 * 60 * 1000;

type Pins = Readonly<Record<string, Pin>>;
type Round = { source: Exchange; stateDir: string; pins: Pins; now: Date };

/** What keeps the log from being read is the tail's error, for each set to tell. */
export async function readLog(
  profileDir: string,
  { source, stateDir, pins, now }: Round,
): Promise<{ log?: LogPin; tail: Tail; isNew: boolean }> {
  try {
    const { pin: log, isNew } = await obtainLogPin(profileDir, source, now);
    return { log, tail: await tailLog({ source, stateDir, pins, log, now }), isNew };
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code === "profile_invalid") throw error;
    return { tail: { state: await readLogState(stateDir, source.origin), advanced: false, error }, isNew: false };
  }
}

/**
 * What is held already, and what the catalogue offers of pinned publishers.
 *
 * @returns `unpinned`: publishers whose sets may be read and are not followed; `problem`: the catalogue could not be
 *   read, and what is held is tried all the same
 */
export async function findSets(
  { source, stateDir, pins, now }: Round,
  tail: Tail,
): Promise<{ sets: SetId[]; unpinned: string[]; problem?: ExchangeError }> {
  const held = await listCopies(stateDir);
  if (held.length > 0 && !isCatalogueDue(tail, now)) return { sets: sortSets(held), unpinned: [] };
  let offered: SetId[];
  try {
    // A set without a release has nothing to sync yet.
    offered = (await source.listSets()).filter(({ release }) => release > 0);
  } catch (problem) {
    if (!(problem instanceof ExchangeError)) throw problem;
    return { sets: sortSets(held), unpinned: [], problem };
  }
  if (tail.state !== undefined) {
    tail.state.catalogue = { at: now.toISOString(), size: tail.state.size };
    await writeLogState(stateDir, tail.state);
  }
  const isPinned = ({ publisher }: SetId) => pins[publisher] !== undefined;
  const unpinned = new Set(offered.filter((one) => !isPinned(one)).map(({ publisher }) => publisher));
  const followed = offered.filter(isPinned).map(({ publisher, set }) => ({ publisher, set }));
  return { sets: sortSets([...held, ...followed]), unpinned: [...unpinned].sort() };
}

/** By name, each once. */
export function sortSets(sets: readonly SetId[]): SetId[] {
  const byName = new Map(sets.map((setId) => [formatSetId(setId), setId]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, setId]) => setId);
}

function isCatalogueDue({ state, error }: Tail, now: Date): boolean {
  const asked = state?.catalogue;
  if (state === undefined || asked === undefined || error !== undefined || asked.size !== state.size) return true;
  return Math.abs(now.getTime() - Date.parse(asked.at)) > CATALOGUE_EVERY_MS;
}
