/** A verified copy on disk: parts with rows, the signed statement and manifest above them, and `current.json`, which names them last. */

import type { Dirent } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { type Manifest, parseManifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseStatement, type ReleaseLink } from "@breakwater/shared/release.ts";
import { DRAFT_ENDING, isFileError, readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { type Current, type CurrentParts, findCurrent, readRef, writeRef } from "./current.ts";
import { openOldRows } from "./old-copy.ts";
import { OpenedRows } from "./open-rows.ts";
import type { Origins } from "./origins.ts";
import { isPartSound, readPartFile } from "./part/part-file.ts";
import type { PartOptions } from "./part/read-part.ts";
import { setDir } from "./paths.ts";
import type { CopyRows } from "./rows.ts";

/** What a copy is of, without its rows: small files, whatever the set's size. */
export type Held = {
  setId: SetId;
  dir: string;
  current: Current;
  link: ReleaseLink;
  manifest: Manifest;
  envelope: Uint8Array;
};

export type Copy = Held & CopyRows & { origins: Origins };

export { type Current, findCurrent } from "./current.ts";

export type NewCopy = {
  setId: SetId;
  link: ReleaseLink;
  envelope: Uint8Array;
  manifestBytes: Uint8Array;
  root: { version: number; digest: Digest };
} & Pick<CurrentParts, "entries" | "state" | "rows" | "index" | "view" | "withdrawn">;

/** Sync and match may meet in the middle of a switch; then the newer copy is there. */
const OPEN_ATTEMPTS = 3;

/**
 * The copy of a set, opened only when each of its files is the one that was verified. It holds its files open, whatever
 * a sync does meanwhile, until it is closed.
 *
 * @returns undefined when the set was never synced
 * @throws ExchangeError `copy_damaged`, `state_newer`
 */
export async function openCopy(stateDir: string, setId: SetId): Promise<Copy | undefined> {
  return onNewest(stateDir, setId, async (current) => {
    const held = await openNamed(stateDir, setId, current);
    return copyOf(held, await openRows(held, { verify: true, hold: true }));
  });
}

/** As {@link openCopy}, without the rows. */
export async function openHeld(stateDir: string, setId: SetId): Promise<Held | undefined> {
  return onNewest(stateDir, setId, (current) => openNamed(stateDir, setId, current));
}

async function onNewest<T>(
  stateDir: string,
  setId: SetId,
  open: (current: Current) => Promise<T>,
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    const current = await findCurrent(stateDir, setId);
    if (current === undefined) return undefined;
    try {
      return await open(current);
    } catch (error) {
      const now = await findCurrent(stateDir, setId);
      if (attempt >= OPEN_ATTEMPTS || JSON.stringify(now) === JSON.stringify(current)) throw error;
    }
  }
}

/** @throws ExchangeError `copy_damaged` */
export function openRows({ dir, current, manifest }: Held, options: PartOptions): Promise<OpenedRows> {
  if (current.v === 2) return OpenedRows.open(dir, current.rows, options);
  return openOldRows(dir, current, manifest.about.kind);
}

function copyOf(held: Held, rows: OpenedRows): Copy {
  return {
    ...held,
    origins: rows.origins,
    entries: rows.entries,
    findRow: (id) => rows.findRow(id),
    lineAt: (row) => rows.lineAt(row),
    isLive: (row) => rows.isLive(row),
    rows: (range) => rows.rows(range),
    indexFiles: () => rows.indexFiles(),
    close: () => rows.close(),
  };
}

/** Whether every file of the rows is there as it was verified; digested again only where size or time say that it changed. */
export async function areRowsSound({ dir, current }: Held): Promise<boolean> {
  if (current.v === 1) return openOldRowsSafely(dir, current);
  for (const ref of [current.rows.base, current.rows.patch]) {
    if (ref !== undefined && !(await isPartSound(dir, ref, await readPartFile(dir, ref)))) return false;
  }
  return true;
}

async function openOldRowsSafely(dir: string, current: Current & { v: 1 }): Promise<boolean> {
  try {
    await readRef(dir, current.rows);
    return true;
  } catch (error) {
    if (error instanceof ExchangeError) return false;
    throw error;
  }
}

async function openNamed(stateDir: string, setId: SetId, current: Current): Promise<Held> {
  const dir = setDir(stateDir, setId);
  const [envelope, manifestBytes] = await Promise.all([readRef(dir, current.envelope), readRef(dir, current.manifest)]);
  const link = await linkOf(envelope, current);
  const manifest = await parseManifest(manifestBytes, link.statement, { strict: false });
  return { setId, dir, current, link, manifest, envelope };
}

async function linkOf(envelope: Uint8Array, current: Current): Promise<ReleaseLink> {
  const { payloadBytes } = parseEnvelope(envelope);
  if ((await digestOf(payloadBytes)) !== current.statement)
    throw new ExchangeError("copy_damaged", { reason: "statement" });
  return { statement: parseStatement(payloadBytes, { strict: false }), digest: current.statement };
}

export function readManifestBytes({ dir, current }: Held): Promise<Uint8Array> {
  return readRef(dir, current.manifest);
}

/**
 * Switches to a new state: everything it consists of is on the disk first, under names of its own, and `current.json`
 * is renamed over last. A crash before that leaves the old state, after it the new one; what is left over is swept.
 */
export async function switchCopy(stateDir: string, copy: NewCopy, now: Date): Promise<Current> {
  const { setId, link, root, entries, state, rows, index, view, withdrawn } = copy;
  const dir = setDir(stateDir, setId);
  const { release } = link.statement;
  // The digest stands in the name too: a release loaded again after a hold is never written over itself.
  const digits = link.digest.slice("sha256:".length, "sha256:".length + 12);
  const tag = withdrawn === undefined ? digits : `${digits}${withdrawn.statement.slice(-12)}`;
  const current: Current = {
    v: 2,
    publisher: setId.publisher,
    set: setId.set,
    release,
    statement: link.digest,
    root,
    entries,
    state,
    rows,
    view,
    envelope: await writeRef(dir, `release-${release}-${tag}.jws`, copy.envelope),
    manifest: await writeRef(dir, `manifest-${release}-${tag}.json`, copy.manifestBytes),
    ...(index === undefined ? {} : { index }),
    ...(withdrawn === undefined ? {} : { withdrawn }),
    switched_at: now.toISOString(),
  };
  await writePrivateFile(join(dir, "current.json"), `${JSON.stringify(current, null, 2)}\n`);
  await sweep(dir, namesOf(current));
  return current;
}

function namesOf(current: Current & { v: 2 }): string[] {
  const { base, patch } = current.rows;
  return [current.envelope.file, current.manifest.file, base.dir, ...(patch === undefined ? [] : [patch.dir])];
}

const PART = /^(?:base|patch)-[\w-]+$/;
const DOCUMENT = /^(?:release|manifest)-\d+-[0-9a-f]+\./;

/** Removes the parts and statements that `current.json` no longer names, and what crashes left half made. */
async function sweep(dir: string, names: readonly string[]): Promise<void> {
  const named = new Set(names);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (isOver(entry) && !named.has(entry.name)) await rm(join(dir, entry.name), { recursive: true, force: true });
  }
}

function isOver(entry: Dirent): boolean {
  if (entry.isDirectory()) return PART.test(entry.name);
  return DOCUMENT.test(entry.name) || entry.name.endsWith(DRAFT_ENDING);
}

/** Parts that were made and not switched to; one that the copy names is never removed, whatever failed after that. */
export async function removeParts(dir: string, names: readonly string[]): Promise<void> {
  const current = new TextDecoder().decode(await readIfThere(join(dir, "current.json")));
  for (const name of names) {
    if (!current.includes(`"${name}"`)) await rm(join(dir, name), { recursive: true, force: true });
  }
}

/** Destroys the rows and blobs of a copy; the statement that was held stays, so that nobody can roll the set back. */
export async function destroyRows(stateDir: string, setId: SetId): Promise<void> {
  const dir = setDir(stateDir, setId);
  const current = await findCurrent(stateDir, setId);
  if (current?.v === 1) await rm(join(dir, current.rows.file), { force: true });
  if (current?.v === 2) await sweep(dir, [current.envelope.file, current.manifest.file]);
  await rm(join(dir, "blobs"), { recursive: true, force: true });
}

/** The statement that is held, also when the rows are damaged or destroyed: it is what the next release must continue. */
export async function findHeldLink(stateDir: string, setId: SetId): Promise<ReleaseLink | undefined> {
  const current = await findCurrent(stateDir, setId);
  if (current === undefined) return undefined;
  return linkOf(await readRef(setDir(stateDir, setId), current.envelope), current);
}

/** All sets with a copy below a state folder. */
export async function listCopies(stateDir: string): Promise<SetId[]> {
  const ids: SetId[] = [];
  for (const publisher of await listNames(join(stateDir, "sets"))) {
    for (const set of await listNames(join(stateDir, "sets", publisher))) {
      const found = await readFile(join(stateDir, "sets", publisher, set, "current.json")).catch(() => undefined);
      if (found !== undefined) ids.push({ publisher, set } as SetId);
    }
  }
  return ids;
}

async function listNames(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    if (isFileError(error, "ENOENT") || isFileError(error, "ENOTDIR")) return [];
    throw error;
  }
}
