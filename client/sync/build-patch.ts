/** The deltas after a snapshot as the patch of a copy: what they put, and which of the base's rows they took away. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { LoadContext } from "./build-base.ts";
import { readRows } from "./open-rows.ts";
import type { PartRef } from "./part/part-file.ts";
import { PlainPartWriter } from "./part/plain-part.ts";
import { PartReader } from "./part/read-part.ts";
import { ROW_BYTES } from "./part/scan-rows.ts";
import type { BuiltPart } from "./part/write-part.ts";
import { type DeltaRow, type NetChanges, readDeltas } from "./read-deltas.ts";

const OPEN = { verify: false, hold: false };

/** A patch as it stands before a step: nothing, or rows with their releases and the base's rows that are gone. */
type Standing = { reader: PartReader | undefined; releases: Uint32Array; dead: Uint32Array };

/**
 * @param base - the rows that the patch is over
 * @param before - the patch that is continued; it stays as it is
 * @param nameOf - gives the name of a new folder
 * @returns undefined when nothing is left of the changes
 */
export async function buildPatch(
  context: LoadContext,
  base: PartReader,
  before: PartRef | undefined,
  deltas: readonly DeltaRow[],
  nameOf: () => string,
): Promise<BuiltPart | undefined> {
  let ref = before;
  let built: BuiltPart | undefined;
  for await (const changes of readDeltas(context, deltas)) {
    const next = await addChanges(context, base, ref, changes, nameOf());
    if (built !== undefined) await rm(join(context.dir, built.ref.dir), { recursive: true, force: true });
    [built, ref] = [next, next.ref];
  }
  return built;
}

async function addChanges(
  { dir, scan }: LoadContext,
  base: PartReader,
  before: PartRef | undefined,
  changes: NetChanges,
  name: string,
): Promise<BuiltPart> {
  const reader = before && (await PartReader.open(dir, before, OPEN));
  const standing: Standing = {
    reader,
    releases: reader === undefined ? new Uint32Array(0) : readRows(reader, "releases"),
    dead: reader === undefined ? new Uint32Array(0) : readRows(reader, "dead"),
  };
  const writer = await PlainPartWriter.open(dir, name, scan);
  try {
    await writer.append("releases", recordsOf(await writeRows(writer, standing, changes)));
    await writer.append("dead", recordsOf(deadAfter(base, standing.dead, changes)));
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    reader?.close();
  }
}

/** @returns the release of each row */
async function writeRows(writer: PlainPartWriter, { reader, releases }: Standing, changes: NetChanges) {
  const ids = [...changes.keys()].sort();
  const after: number[] = [];
  let next = 0;
  const putUntil = async (until: string | undefined) => {
    for (; next < ids.length && (until === undefined || (ids[next] as string) <= until); next++) {
      const { line, release } = changes.get(ids[next] as string) as { line: string | undefined; release: number };
      if (line === undefined) continue;
      await writer.add(line);
      after.push(release);
    }
  };
  for (const { id, row, line } of reader?.live() ?? []) {
    await putUntil(id);
    if (changes.has(id)) continue;
    await writer.add(line());
    after.push(releases[row] as number);
  }
  await putUntil(undefined);
  return Uint32Array.from(after);
}

/** Whatever a change names is the patch's from then on, put or deleted: the base's own row of that id is over. */
function deadAfter(base: PartReader, before: Uint32Array, changes: NetChanges): Uint32Array {
  const dead = new Set(before);
  for (const id of changes.keys()) {
    const { row, found } = base.search(id);
    if (found) dead.add(row);
  }
  return Uint32Array.from(dead).sort();
}

export function recordsOf(numbers: Uint32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(numbers.length * ROW_BYTES));
  for (const [at, number] of numbers.entries()) view.setUint32(at * ROW_BYTES, number);
  return new Uint8Array(view.buffer);
}
