// What taking a release of 1,000 changed entries costs a subscriber: in time, for a small set and a large one, and in bytes.
import { execFileSync } from "node:child_process";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openExchange, type SyncOutcome, syncSet } from "@breakwater/client/index.ts";
import { openCopy } from "@breakwater/client/sync/copy.ts";
import { composeRelease, type NewChange } from "@breakwater/shared/compose.ts";
import { randomBytes, type SetId } from "@breakwater/shared/ids.ts";
import { type Bench, type Measured, median, peakMb } from "./bench.ts";
import { type Demo, withDemo } from "./demo.ts";
import { type LargeSet, largeLines, publishComposed, publishLargeSet } from "./large-set.ts";
import { openCountingRelay } from "./relay.ts";

const DEFAULT_SIZE = 1_000_000;
const SMALL = 10_000;
const CHANGED = 1_000;
/** Of those, entries that are taken out; the rest are new ones and new values of old ones, half and half. */
const REMOVED = 100;
const ROUNDS = 9;
const GOAL_RATIO = 1.5;
const GOAL_BYTES = 1.3;

type Measurement = { medianMs: number; bytes: number; gzipBytes: number; correct: boolean };

export const delta: Bench = {
  goal: `a release of ${CHANGED} changed entries takes at most ${GOAL_RATIO} times as long at the large size, and at most ${GOAL_BYTES} times the gzip of its lines`,
  run: ({ size = DEFAULT_SIZE, say }) =>
    withDemo(say, async (demo): Promise<Measured> => {
      const steps = [await prepare(demo, Math.min(SMALL, size), say), await prepare(demo, size, say)] as const;
      // In turns, so that whatever else the machine does falls on both.
      for (let round = 0; round < ROUNDS; round++) for (const step of steps) await step.take(round);
      const [small, large] = [await steps[0].end(), await steps[1].end()];
      const ratio = large.medianMs / small.medianMs;
      const bytesRatio = Math.max(small.bytes / small.gzipBytes, large.bytes / large.gzipBytes);
      const correct = small.correct && large.correct;
      return {
        bench: "delta",
        size,
        seconds: large.medianMs / 1_000,
        baseline: `the same at ${SMALL} entries`,
        baselineSeconds: small.medianMs / 1_000,
        ratio,
        peakMb: peakMb(),
        correct,
        met: correct && ratio <= GOAL_RATIO && bytesRatio <= GOAL_BYTES,
        counts: {
          "bytes at size": large.bytes,
          "bytes of the lines by gzip": large.gzipBytes,
          "times the gzip": Math.round(bytesRatio * 100) / 100,
        },
      };
    }),
};

type Step = {
  /** Goes from a fresh copy of release 1 to release 2, so that each takes the same step. */
  take: (round: number) => Promise<void>;
  end: () => Promise<Measurement>;
};

async function prepare(demo: Demo, size: number, say: (sentence: string) => void): Promise<Step> {
  say(`Publishing ${size} entries.`);
  const set = await publishLargeSet(demo, `bench-delta-${size}`, size);
  const relay = await openCountingRelay(demo.url);
  const before = join(demo.home, `bench-delta-${size}`);
  const source = openExchange({ origin: relay.url, apiKey: demo.profiles.company.apiKey });
  const sync = (stateDir: string) => syncSet({ source, stateDir, setId: set.setId, pin: demo.pin, now: new Date() });
  const first = await sync(before);
  const changes = await makeChanges(before, set.setId, size);
  const gzipBytes = gzipSync(changes.map(textOf).join("")).length;
  await publishNext(demo, set, changes, size);
  const taken: { ms: number; bytes: number; outcome: SyncOutcome }[] = [];
  return {
    async take(round) {
      const stateDir = `${before}-${round}`;
      await cp(before, stateDir, { recursive: true, preserveTimestamps: true });
      flushDisk();
      relay.reset();
      const startedMs = performance.now();
      const outcome = await sync(stateDir);
      taken.push({ ms: performance.now() - startedMs, bytes: relay.bytes(), outcome });
      if (round > 0) await rm(stateDir, { recursive: true });
    },
    async end() {
      await relay.close();
      const areTaken = taken.every(({ outcome }) => outcome.outcome === "updated" && outcome.release === 2);
      const isRight = areTaken && (await isApplied(before, `${before}-0`, set.setId, changes));
      return {
        medianMs: median(taken.map(({ ms }) => ms)),
        bytes: median(taken.map(({ bytes }) => bytes)),
        gzipBytes,
        correct: first.outcome === "updated" && isRight,
      };
    },
  };
}

/** What was copied for the next round must not be written while that is timed. */
function flushDisk(): void {
  if (process.platform === "linux") execFileSync("sync");
}

const idOf = (line: string) => (JSON.parse(line) as { id: string }).id;
const textOf = (change: NewChange) => (change.op === "put" ? `${change.line}\n` : `${JSON.stringify(change)}\n`);

/** Spread over the whole set: removed ones, new values of old ones, and new ones. */
async function makeChanges(stateDir: string, setId: SetId, size: number): Promise<NewChange[]> {
  const fresh = [...largeLines(CHANGED)];
  const changes: NewChange[] = [];
  const step = size / CHANGED;
  let at = 0;
  for await (const { id } of await rowsOf(stateDir, setId)) {
    if (at++ < changes.length * step) continue;
    const n = changes.length;
    const line = fresh[n] as string;
    if (n % (CHANGED / REMOVED) === 0) changes.push({ op: "del", id, why: "withdrawn" });
    else changes.push({ op: "put", line: n % 2 === 0 ? line : line.replace(idOf(line), id) });
    if (changes.length === CHANGED) break;
  }
  return changes;
}

/** Row by row: what was there, without what was taken out, with what was put. */
async function isApplied(before: string, after: string, setId: SetId, changes: NewChange[]): Promise<boolean> {
  const byId = new Map(changes.map((change) => [change.op === "put" ? idOf(change.line) : change.id, change]));
  const fresh = new Map([...byId].flatMap(([id, change]) => (change.op === "put" ? [[id, change.line] as const] : [])));
  const now = (await rowsOf(after, setId))[Symbol.asyncIterator]();
  const nextIs = async (id: string, line: string) => {
    for (;;) {
      const { value } = (await now.next()) as { value?: { id: string; line: string } };
      if (value === undefined) return false;
      if (value.id === id && value.line === line) return !fresh.has(id) || fresh.delete(id);
      if (fresh.get(value.id) !== value.line) return false;
      fresh.delete(value.id);
    }
  };
  for await (const { id, line } of await rowsOf(before, setId)) {
    const change = byId.get(id);
    if (change?.op === "del") continue;
    if (!(await nextIs(id, change?.line ?? line))) return false;
  }
  for (let one = await now.next(); !one.done; one = await now.next()) {
    if (fresh.get(one.value.id) !== one.value.line) return false;
    fresh.delete(one.value.id);
  }
  return fresh.size === 0;
}

async function rowsOf(stateDir: string, setId: SetId) {
  const copy = await openCopy(stateDir, setId);
  if (copy === undefined) throw new Error("no copy");
  return copy.rows();
}

async function publishNext(
  demo: Demo,
  { setId, composed: previous }: LargeSet,
  changes: NewChange[],
  size: number,
): Promise<void> {
  const removed = changes.filter(({ op }) => op === "del").length;
  const changed = changes.filter((_, n) => n % (CHANGED / REMOVED) !== 0 && n % 2 === 1).length;
  const count = size + changes.length - 2 * removed - changed;
  const { statement, digest, manifest } = previous;
  const composed = await composeRelease({
    previous: { statement, digest, manifest },
    // So small a change makes no snapshot, so nobody asks for the lines.
    entries: { count, lines: () => [] },
    changes,
    about: manifest.about,
    publisher: setId.publisher,
    set: setId.set,
    rootVersion: statement.root,
    now: Math.floor(Date.now() / 1000),
    random: randomBytes,
  });
  await publishComposed(demo, setId, composed);
}
