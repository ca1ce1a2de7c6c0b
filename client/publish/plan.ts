/** What a list changes in a set, without holding either: joined by natural key, then merged in the order of ids. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { NewChange } from "@breakwater/shared/compose.ts";
import { createEntryChecker } from "@breakwater/shared/entries/checker.ts";
import { naturalKey, parseEntry } from "@breakwater/shared/entries/index.ts";
import { newEntryId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import type { CopyRows } from "../sync/index.ts";
import { setDir } from "../sync/paths.ts";
import { BUCKETS, type Buckets, openBuckets } from "./buckets.ts";
import { createFaultTally, type FaultTally, RowsInvalid } from "./faults.ts";
import { type ListSource, readList } from "./list.ts";
import { withId } from "./row.ts";

export type SetChange = { added: number; changed: number; removed: number };

export type Plan = {
  count: SetChange;
  /** How many the set has afterwards. */
  entries: number;
  /** In the order of ids. */
  changes(): Iterable<NewChange>;
  /** The set's lines afterwards, in the order of ids. */
  lines(): AsyncGenerator<string>;
  drop(): Promise<void>;
};

export type PlanOptions = {
  stateDir: string;
  setId: SetId;
  kind: SetKind;
  /** The verified copy; none before release 1. */
  copy: Pick<CopyRows, "entries" | "rows"> | undefined;
  list: ListSource;
  /** Leave entries alone that the list does not have; otherwise they are withdrawn. */
  keepMissing?: boolean;
  random: (length: number) => Uint8Array;
  onRead?: (rows: number) => void;
};

const FIELD = "\t";
const ID_CHARS = 32;

/**
 * Three passes over files of a 256th each: (1) rows and the copy's entries to where their natural keys belong; (2) there,
 * a row finds its entry's id or a new one, and goes to where the id belongs; (3) there, rows and copy are compared.
 *
 * @throws RowsInvalid when a row is bad, twice there, or claims another entry's id; ExchangeError of the copy and the list
 */
export async function planList(options: PlanOptions): Promise<Plan> {
  const { stateDir, setId, copy, random, keepMissing = false } = options;
  const dir = workDir(stateDir, setId);
  await rm(dir, { recursive: true, force: true }); // of a run that was killed
  const drop = () => rm(dir, { recursive: true, force: true });
  try {
    const faults = createFaultTally();
    const keys = openBuckets(dir, "keys");
    const total = await spreadByKey(options, keys, faults);
    const rows = openBuckets(dir, "rows");
    const ownIds = joinByKey(keys, rows, faults, random);
    const changes = openBuckets(dir, "changes");
    const count =
      copy === undefined && !ownIds
        ? { added: total, changed: 0, removed: 0 }
        : await compare(mergeById(rows, copy, keepMissing), changes, faults);
    if (faults.count() > 0) throw new RowsInvalid(faults.finish(total));
    return {
      count,
      entries: (copy?.entries ?? 0) + count.added - count.removed,
      changes: () => readChanges(changes),
      // What the list does not have is left out or kept as it is: only then the copy is read again.
      lines: () => linesOf(mergeById(rows, keepMissing ? copy : undefined, keepMissing)),
      drop,
    };
  } catch (error) {
    await drop();
    throw error;
  }
}

function workDir(stateDir: string, setId: SetId): string {
  return join(setDir(stateDir, setId), "publishing");
}

/** Removes what a killed run left: rows of a list in clear. */
export async function dropWork(stateDir: string, setId: SetId): Promise<void> {
  await rm(workDir(stateDir, setId), { recursive: true, force: true });
}

async function spreadByKey(options: PlanOptions, keys: Buckets, faults: FaultTally): Promise<number> {
  const { kind, copy, list, onRead } = options;
  const keyOf = createKeyOf(kind);
  if (copy !== undefined) {
    for await (const { id, line } of copy.rows()) {
      const key = keyOf(line);
      keys.add(bucketOfKey(key), `${FIELD}${id}${FIELD}${key}`);
    }
  }
  const take = ({ line, id = "", key, text }: { line: number; id: string | undefined; key: string; text: string }) =>
    keys.add(bucketOfKey(key), `${line}${FIELD}${id}${FIELD}${key}${FIELD}${text}`);
  return readList(kind, list, take, faults, onRead);
}

/** The copy may hold members that a newer publisher wrote. */
function createKeyOf(kind: SetKind): (line: string) => string {
  const checker = createEntryChecker(kind);
  return (line) => {
    try {
      return checker.check(line).key;
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      return naturalKey(kind, parseEntry(kind, line, { strict: false }) as never);
    }
  };
}

/** Any even spread does (FNV-1a): natural keys hold no tab and no line feed, being hashes, addresses or JSON. */
function bucketOfKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & (BUCKETS - 1);
}

/** @returns whether the list gives ids of its own */
function joinByKey(keys: Buckets, rows: Buckets, faults: FaultTally, random: PlanOptions["random"]): boolean {
  let ownIds = false;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const held = new Map<string, string>();
    const first = new Map<string, string>();
    for (const record of keys.read(bucket)) {
      const [line, given, key, text] = splitRecord(record);
      if (line === "") {
        held.set(key, given);
        continue;
      }
      const earlier = first.get(key);
      if (earlier !== undefined) {
        faults.add({ line: Number(line), column: "-", reason: `the same entry as line ${earlier}` });
        continue;
      }
      first.set(key, line);
      const known = held.get(key);
      if (given !== "" && known !== undefined && given !== known) {
        faults.add({ line: Number(line), column: "id", reason: "the entry has another id in the set" });
        continue;
      }
      if (given !== "") ownIds = true;
      const id = given !== "" ? given : (known ?? newEntryId(random));
      rows.add(Number.parseInt(id.slice(0, 2), 16), `${id}${line}${FIELD}${withId(text, id)}`);
    }
    keys.drop(bucket);
  }
  return ownIds;
}

/** Line, id, key and text; the text may hold anything but a line feed, so it is what comes after the third tab. */
function splitRecord(record: string): [line: string, id: string, key: string, text: string] {
  const a = record.indexOf(FIELD);
  const b = record.indexOf(FIELD, a + 1);
  const c = record.indexOf(FIELD, b + 1);
  const end = c < 0 ? record.length : c;
  return [record.slice(0, a), record.slice(a + 1, b), record.slice(b + 1, end), record.slice(end + 1)];
}

/** @property line - where the list has it; @property first - the line where it has the same id already */
type Merged = { id: string; before?: string; after?: string; line?: number; first?: number };

/** A 256th of the set at a time, in the order of ids. */
async function* mergeById(
  rows: Buckets,
  copy: PlanOptions["copy"],
  keepMissing: boolean,
): AsyncGenerator<{ bucket: number; merged: Merged[] }> {
  const held = copy?.rows()[Symbol.asyncIterator]();
  let next = await held?.next();
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const prefix = bucket.toString(16).padStart(2, "0");
    const before: { id: string; line: string }[] = [];
    while (next !== undefined && !next.done && next.value.id.startsWith(prefix)) {
      before.push(next.value);
      next = await (held as NonNullable<typeof held>).next();
    }
    yield { bucket, merged: mergeBucket(before, rows.read(bucket).sort(), keepMissing) };
  }
}

function mergeBucket(before: { id: string; line: string }[], records: string[], keepMissing: boolean): Merged[] {
  const merged: Merged[] = [];
  let at = 0;
  const missing = ({ id, line }: { id: string; line: string }) =>
    merged.push({ id, before: line, ...(keepMissing ? { after: line } : {}) });
  for (const record of records) {
    const id = record.slice(0, ID_CHARS);
    const tab = record.indexOf(FIELD);
    const line = Number(record.slice(ID_CHARS, tab));
    const last = merged.at(-1);
    if (last?.id === id) {
      const [low, high] = [Math.min(last.line ?? line, line), Math.max(last.line ?? line, line)];
      merged.push({ id, line: high, first: low });
      continue;
    }
    while (at < before.length && (before[at] as { id: string }).id < id)
      missing(before[at++] as { id: string; line: string });
    const held = before[at]?.id === id ? before[at++]?.line : undefined;
    merged.push({ id, line, after: record.slice(tab + 1), ...(held === undefined ? {} : { before: held }) });
  }
  while (at < before.length) missing(before[at++] as { id: string; line: string });
  return merged;
}

async function compare(
  merging: ReturnType<typeof mergeById>,
  changes: Buckets,
  faults: FaultTally,
): Promise<SetChange> {
  const count = { added: 0, changed: 0, removed: 0 };
  for await (const { bucket, merged } of merging) {
    for (const { id, before, after, line, first } of merged) {
      if (first !== undefined) {
        faults.add({ line: line as number, column: "id", reason: `the same entry as line ${first}` });
      } else if (after === undefined) {
        changes.add(bucket, id);
        count.removed++;
      } else if (after !== before) {
        changes.add(bucket, after);
        count[before === undefined ? "added" : "changed"]++;
      }
    }
  }
  return count;
}

function* readChanges(changes: Buckets): Generator<NewChange> {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    for (const record of changes.read(bucket)) {
      yield record.startsWith("{") ? { op: "put", line: record } : { op: "del", id: record, why: "withdrawn" };
    }
  }
}

async function* linesOf(merging: ReturnType<typeof mergeById>): AsyncGenerator<string> {
  for await (const { merged } of merging) {
    for (const { after } of merged) if (after !== undefined) yield after;
  }
}
