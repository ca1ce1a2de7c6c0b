/** What a list changes in a set, without holding either: joined by natural key, then merged in the order of ids. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { NewChange } from "@breakwater/shared/compose.ts";
import { ENTRY_ID_BYTES, type SetId } from "@breakwater/shared/ids.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import type { CopyRows } from "../sync/index.ts";
import { setDir } from "../sync/paths.ts";
import { BUCKETS, type Buckets, openBuckets } from "./buckets.ts";
import { createFaultTally, type FaultTally, RowsInvalid } from "./faults.ts";
import { createKeyOf } from "./key-of.ts";
import { type ListSource, readList } from "./list.ts";
import { type Row, withId } from "./row.ts";

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
const ID_CHARS = 2 * ENTRY_ID_BYTES;
const HASH_CHARS = 16;
const IDS_AT_ONCE = 1024;

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
    const keys = byKey(openBuckets(dir, "keys"));
    const rows = openBuckets(dir, "rows");
    const { total, ownIds } = await spreadByKey(options, keys, rows, faults);
    joinByKey(keys, rows, faults, createIdSource(random));
    const changes = openBuckets(dir, "changes");
    // Rows that are twice there by their key would be told a second time by their id.
    const count =
      copy === undefined && (!ownIds || faults.count() > 0)
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

type Spread = { total: number; ownIds: boolean };

/** Without a copy a row's id is known at once: its text goes where the id belongs, and only its key is compared. */
async function spreadByKey(options: PlanOptions, keys: Keys, rows: Buckets, faults: FaultTally): Promise<Spread> {
  const { kind, copy, list, random, onRead } = options;
  const keyOf = createKeyOf(kind);
  if (copy !== undefined) {
    for await (const { id, line } of copy.rows()) {
      const key = keyOf(line);
      keys.add(key, `${FIELD}${id}${FIELD}${key}`);
    }
  }
  const newId = createIdSource(random);
  let ownIds = false;
  const take = ({ line, id, key, text }: Row) => {
    if (id !== undefined) ownIds = true;
    const record = `${line}${FIELD}${id ?? ""}${FIELD}${key}`;
    keys.add(key, copy === undefined ? record : `${record}${FIELD}${text}`);
    if (copy === undefined) addRow(rows, id ?? newId(), line, text);
  };
  return { total: await readList(kind, list, take, faults, onRead), ownIds };
}

function addRow(rows: Buckets, id: string, line: number | string, text: string): void {
  rows.add(Number.parseInt(id.slice(0, 2), 16), `${id}${line}${FIELD}${withId(text, id)}`);
}

/** Ids in batches: asking for sixteen random bytes costs as much as asking for a thousand times as many. */
function createIdSource(random: PlanOptions["random"]): () => string {
  let hex = "";
  let at = 0;
  return () => {
    if (at === hex.length) [hex, at] = [Buffer.from(random(IDS_AT_ONCE * ENTRY_ID_BYTES)).toString("hex"), 0];
    at += ID_CHARS;
    return hex.slice(at - ID_CHARS, at);
  };
}

type Keys = Pick<Buckets, "read" | "drop"> & { add(key: string, rest: string): void };

/** Records by a hash of their key, which they begin with, so that equal keys stand beside each other when sorted. */
function byKey(buckets: Buckets): Keys {
  return {
    ...buckets,
    add(key, rest) {
      const hash = hashOf(key);
      buckets.add(Number.parseInt(hash.slice(0, 2), 16), `${hash}${rest}`);
    },
  };
}

/** Any even spread does (FNV-1a, twice): equal hashes only lead to a comparison of the keys. */
function hashOf(key: string): string {
  let [a, b] = [0x811c9dc5, 0x1b873593];
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b) + i;
  }
  a ^= a >>> 15;
  return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0");
}

/** The copy's entry of a key comes before the list's rows of it, and those in the order of their lines. */
function joinByKey(keys: Keys, rows: Buckets, faults: FaultTally, newId: () => string): void {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const records = keys.read(bucket);
    let hash = "";
    let alike: { key: string; id: string | undefined; line: string }[] = [];
    for (const at of records.orderById(HASH_CHARS)) {
      const record = records.textOf(at);
      if (!record.startsWith(hash) || hash === "") [hash, alike] = [record.slice(0, HASH_CHARS), []];
      const [line, given, key, text] = splitRecord(record.slice(HASH_CHARS));
      const same = alike.find((other) => other.key === key);
      if (line === "") {
        alike.push({ key, id: given, line });
      } else if (same !== undefined && same.line !== "") {
        faults.add({ line: Number(line), column: "-", reason: `the same entry as line ${same.line}` });
      } else {
        if (same === undefined) alike.push({ key, id: undefined, line });
        else same.line = line;
        if (given !== "" && same?.id !== undefined && given !== same.id) {
          faults.add({ line: Number(line), column: "id", reason: "the entry has another id in the set" });
        } else if (text !== undefined) {
          addRow(rows, given !== "" ? given : (same?.id ?? newId()), line, text);
        }
      }
    }
    keys.drop(bucket);
  }
}

/** Line, id, key and text, if there; it may hold anything but a line feed, so it is what comes after the third tab. */
function splitRecord(record: string): [line: string, id: string, key: string, text: string | undefined] {
  const a = record.indexOf(FIELD);
  const b = record.indexOf(FIELD, a + 1);
  const c = record.indexOf(FIELD, b + 1);
  const key = record.slice(b + 1, c < 0 ? record.length : c);
  return [record.slice(0, a), record.slice(a + 1, b), key, c < 0 ? undefined : record.slice(c + 1)];
}

/** @property line - where the list has it; @property first - the line where it has the same id already */
type Merged = { bucket: number; id: string; before?: string; after?: string; line?: number; first?: number };

/** In the order of ids. */
async function* mergeById(rows: Buckets, copy: PlanOptions["copy"], keepMissing: boolean): AsyncGenerator<Merged> {
  const held = copy?.rows()[Symbol.asyncIterator]();
  let next = await held?.next();
  const missing = ({ id, line }: { id: string; line: string }, bucket: number): Merged =>
    keepMissing ? { bucket, id, before: line, after: line } : { bucket, id, before: line };
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const records = rows.read(bucket);
    let last: { id: string; line: number } | undefined;
    for (const record of records.orderById(ID_CHARS)) {
      const text = records.textOf(record);
      const id = text.slice(0, ID_CHARS);
      const tab = text.indexOf(FIELD);
      const line = Number(text.slice(ID_CHARS, tab));
      if (last?.id === id) {
        yield { bucket, id, line: Math.max(last.line, line), first: Math.min(last.line, line) };
        continue;
      }
      last = { id, line };
      while (held !== undefined && next?.done === false && next.value.id < id) {
        yield missing(next.value, bucket);
        next = await held.next();
      }
      const after = text.slice(tab + 1);
      if (next?.done === false && next.value.id === id) {
        yield { bucket, id, line, before: next.value.line, after };
        next = await held?.next();
      } else {
        yield { bucket, id, line, after };
      }
    }
    const prefix = bucket.toString(16).padStart(2, "0");
    while (held !== undefined && next?.done === false && next.value.id.startsWith(prefix)) {
      yield missing(next.value, bucket);
      next = await held.next();
    }
  }
}

async function compare(merging: AsyncIterable<Merged>, changes: Buckets, faults: FaultTally): Promise<SetChange> {
  const count = { added: 0, changed: 0, removed: 0 };
  for await (const { bucket, id, before, after, line, first } of merging) {
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
  return count;
}

function* readChanges(changes: Buckets): Generator<NewChange> {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const records = changes.read(bucket);
    for (let at = 0; at < records.count; at++) {
      const text = records.textOf(at);
      yield text.startsWith("{") ? { op: "put", line: text } : { op: "del", id: text, why: "withdrawn" };
    }
  }
}

async function* linesOf(merging: AsyncIterable<Merged>): AsyncGenerator<string> {
  for await (const { after } of merging) if (after !== undefined) yield after;
}
