/**
 * What is to be said to the exchange, kept until it has been heard. An item is a file of its own, written whole; a flush
 * gathers items into a batch that gets its number once and for all, and only then removes them. A kill in between leaves
 * items that a batch names already: those are removed first thing next time, so nothing is lost and nothing said twice.
 */

import { randomBytes, randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { OPINIONS_BATCH_MAX, OpinionItem, OpinionsRequest } from "@breakwater/shared/wire/opinions.ts";
import { z } from "zod";
import type { Flood } from "../controls/controls.ts";
import { isFileError, readIfThere, writePrivateFile } from "../profile/private-files.ts";

/** Files that wait while nobody answers; past that the oldest go, which months offline would have made too old anyway. */
export const OPINIONS_WAITING_MAX = 20_000;
const FLOOD_TIMES_MIN = 2;
const FLOOD_TIMES_MAX = 1_000_000;

const WaitingItem = z.strictObject({ set: z.string(), item: OpinionItem });
const WaitingBatch = z.strictObject({ set: z.string(), from: z.array(z.string()), request: OpinionsRequest });
export type WaitingBatch = z.infer<typeof WaitingBatch> & { name: string };

function itemsDir(stateDir: string): string {
  return join(stateDir, "opinions", "items");
}

function batchesDir(stateDir: string): string {
  return join(stateDir, "opinions", "batches");
}

/** On the disk when this returns. */
export async function queueItem(stateDir: string, set: string, item: OpinionItem, now: Date): Promise<void> {
  await writeWaiting(itemsDir(stateDir), nameOf(now), WaitingItem.parse({ set, item }));
}

/** Many at once, such as a day's counts: batches of their own from the start. */
export async function queueBatches(
  stateDir: string,
  set: string,
  items: readonly OpinionItem[],
  now: Date,
): Promise<void> {
  for (let at = 0; at < items.length; at += OPINIONS_BATCH_MAX) {
    await writeBatch(stateDir, set, items.slice(at, at + OPINIONS_BATCH_MAX), [], now);
  }
}

export function queueFlood(stateDir: string, { target, set, at, count, expected }: Flood): Promise<void> {
  const times = Math.floor(count / Math.max(1, expected));
  const item: OpinionItem = {
    kind: "flood",
    scope: target.scope,
    ...(target.scope === "entry" ? { entry: target.entry as never } : {}),
    ...(target.scope === "release" ? { release: target.to } : {}),
    at,
    times: Math.min(FLOOD_TIMES_MAX, Math.max(FLOOD_TIMES_MIN, times)),
  };
  return queueItem(stateDir, set, item, new Date(at));
}

/** Items become batches, one set a batch, oldest first. The caller holds the lock. */
export async function gatherBatches(stateDir: string, now: Date): Promise<WaitingBatch[]> {
  const batches = await listBatches(stateDir);
  for (const name of batches.flatMap(({ from }) => from)) await rm(join(itemsDir(stateDir), name), { force: true });
  const bySet = new Map<string, { name: string; item: OpinionItem }[]>();
  for (const name of await listNames(itemsDir(stateDir))) {
    const found = await readWaiting(join(itemsDir(stateDir), name), WaitingItem);
    if (found !== undefined) bySet.set(found.set, [...(bySet.get(found.set) ?? []), { name, item: found.item }]);
  }
  for (const [set, waiting] of bySet) {
    for (let at = 0; at < waiting.length; at += OPINIONS_BATCH_MAX) {
      const part = waiting.slice(at, at + OPINIONS_BATCH_MAX);
      const names = part.map(({ name }) => name);
      await writeBatch(
        stateDir,
        set,
        part.map(({ item }) => item),
        names,
        now,
      );
      for (const name of names) await rm(join(itemsDir(stateDir), name), { force: true });
    }
  }
  return listBatches(stateDir);
}

export async function dropBatch(stateDir: string, { name }: WaitingBatch): Promise<void> {
  await rm(join(batchesDir(stateDir), name), { force: true });
}

export async function countWaiting(stateDir: string): Promise<number> {
  const items = await listNames(itemsDir(stateDir));
  const batches = await listBatches(stateDir);
  const gathered = new Set(batches.flatMap(({ from }) => from));
  return (
    items.filter((name) => !gathered.has(name)).length +
    batches.reduce((sum, { request }) => sum + request.items.length, 0)
  );
}

async function writeBatch(
  stateDir: string,
  set: string,
  items: readonly OpinionItem[],
  from: readonly string[],
  now: Date,
): Promise<void> {
  const request = { batch_id: randomUUID(), items };
  await writeWaiting(batchesDir(stateDir), nameOf(now), WaitingBatch.parse({ set, from, request }));
}

async function writeWaiting(dir: string, name: string, value: object): Promise<void> {
  const names = await listNames(dir);
  for (const old of names.slice(0, Math.max(0, names.length + 1 - OPINIONS_WAITING_MAX))) {
    await rm(join(dir, old), { force: true });
  }
  await writePrivateFile(join(dir, name), `${JSON.stringify(value)}\n`);
}

async function listBatches(stateDir: string): Promise<WaitingBatch[]> {
  const batches: WaitingBatch[] = [];
  for (const name of await listNames(batchesDir(stateDir))) {
    const batch = await readWaiting(join(batchesDir(stateDir), name), WaitingBatch);
    if (batch !== undefined) batches.push({ ...batch, name });
  }
  return batches;
}

/** A file that is not in our form is no news for anybody: it was not written by this version, and stays where it is. */
async function readWaiting<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

/** Sorted by time, since names begin with it. */
async function listNames(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => name.endsWith(".json")).sort();
  } catch (error) {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  }
}

function nameOf(now: Date): string {
  return `${now.toISOString().replaceAll(":", "")}-${randomBytes(6).toString("hex")}.json`;
}
