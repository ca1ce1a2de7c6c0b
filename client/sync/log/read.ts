/** All entries between two sizes, each handed to the publisher it speaks for; kept by the caller only if the root held. */

import { appendLeaves, type Frontier, leafHash } from "@breakwater/shared/log/index.ts";
import type { Pins } from "../../profile/pins.ts";
import { glanceAt, type Leaf } from "./leaf.ts";
import { type BundleSource, readLeaves } from "./leaves.ts";
import { type PublisherFindings, type PublisherReader, readPublisher } from "./publisher.ts";
import type { LogState, PublisherLog } from "./state.ts";

/** Judged together: one signature check a set and run, and no more in memory than this. */
const RUN_LEAVES = 8_192;

export type Findings = Map<string, PublisherFindings>;
export type Reading = {
  state: LogState;
  frontier: Frontier;
  /** When reading began before the held size: the frontier on passing it. */
  passing: Frontier | undefined;
  findings: Findings;
};

type Range = { from: Frontier; size: number; newcomers: readonly string[] };

/** @param state - as held; it is not changed */
export async function readAllLeaves(
  { source, pins, now }: { source: BundleSource; pins: Pins; now: Date },
  state: LogState,
  { from, size, newcomers }: Range,
  past?: "caches",
): Promise<Reading> {
  const publishers: Record<string, PublisherLog> = structuredClone(state.publishers);
  for (const name of newcomers) publishers[name] = newPublisherLog(pins[name] as Pins[string]);
  const readers = new Map<string, PublisherReader>();
  for (const [name, log] of Object.entries(publishers)) {
    readers.set(name, await readPublisher({ name, origin: state.log.origin, now }, log));
  }
  const unanchored = Object.keys(publishers).filter((name) => !publishers[name]?.anchored && !newcomers.includes(name));
  let { skipped } = state;
  let frontier = from;
  let passing = from.size === state.size ? from : undefined;
  let waiting = new Map<string, Leaf[]>();
  let waits = 0;
  const judge = async () => {
    for (const [name, leaves] of waiting) await readers.get(name)?.take(leaves);
    waiting = new Map();
    waits = 0;
  };
  for await (const run of readLeaves(source, state.log.url, from, size, past)) {
    for (const [at, bytes] of run.entries.entries()) {
      const index = run.from + at;
      const leaf = glanceAt(index, bytes);
      const isFollowed = leaf !== undefined && readers.has(leaf.publisher);
      if (!isFollowed && index >= state.size) skipped++;
      // Before the held size only newcomers have something to learn.
      if (!isFollowed || (index < state.size && !newcomers.includes(leaf.publisher))) continue;
      const leaves = waiting.get(leaf.publisher);
      if (leaves === undefined) waiting.set(leaf.publisher, [leaf]);
      else leaves.push(leaf);
      waits++;
    }
    if (passing === undefined && run.frontier.size >= state.size) {
      passing = appendLeaves(frontier, run.entries.slice(0, state.size - run.from).map(leafHash));
    }
    frontier = run.frontier;
    if (waits >= RUN_LEAVES) await judge();
  }
  await judge();
  const findings: Findings = new Map();
  for (const [name, reader] of readers) findings.set(name, await reader.finish());
  for (const name of unanchored) {
    const log = publishers[name];
    // Its first roots lie before what was read now: the next run reads it from the beginning.
    if (log?.anchored && log.roots.length < log.pin.version) delete publishers[name];
  }
  return { state: { ...state, publishers, skipped }, frontier, passing, findings };
}

function newPublisherLog({ version, digest }: Pins[string]): PublisherLog {
  return { pin: { version, digest }, anchored: false, roots: [], sets: {}, ignored: {} };
}
