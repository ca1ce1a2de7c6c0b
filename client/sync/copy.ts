/** A verified copy on disk: rows, the signed statement and manifest above them, and `current.json`, which names them last. */

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { Digest as DigestSchema, EntryId, type SetId } from "@breakwater/shared/ids.ts";
import { type Manifest, parseManifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseStatement, type ReleaseLink, type ReleaseStatement } from "@breakwater/shared/release.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";
import { z } from "zod";
import { DRAFT_ENDING, isFileError, readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { formatOrigins, type Origins, parseOrigins, unknownOrigins } from "./origins.ts";
import { setDir } from "./paths.ts";
import { type CopyRows, rowsOfLines } from "./rows.ts";

const FileRef = z.object({ file: z.string().regex(/^[\w.-]+$/), size: z.int().nonnegative(), digest: DigestSchema });
type FileRef = z.infer<typeof FileRef>;

const CurrentFile = z.object({
  v: z.literal(1),
  publisher: z.string(),
  set: z.string(),
  release: z.int().positive(),
  statement: DigestSchema,
  root: z.object({ version: z.int().positive(), digest: DigestSchema }),
  entries: z.int().nonnegative(),
  /** The state digest of the rows (integrity §2.5). */
  state: DigestSchema,
  rows: FileRef,
  envelope: FileRef,
  manifest: FileRef,
  /** Which release put which row; absent in a copy from before this was kept. */
  origins: FileRef.optional(),
  /** Rows that were taken out of a held release's withdrawals: the rows are the release's own without these. */
  withdrawn: z.object({ release: z.int().positive(), statement: DigestSchema, count: z.int().positive() }).optional(),
  /** When every byte of it was verified last, RFC 3339. */
  switched_at: z.iso.datetime(),
});
export type Current = z.infer<typeof CurrentFile>;

export type Copy = CopyRows & {
  setId: SetId;
  dir: string;
  current: Current;
  link: ReleaseLink;
  manifest: Manifest;
  envelope: Uint8Array;
  /** Lines without LF, sorted by id. */
  lines: string[];
  origins: Origins;
};

export type NewCopy = {
  setId: SetId;
  link: ReleaseLink;
  envelope: Uint8Array;
  manifestBytes: Uint8Array;
  root: { version: number; digest: Digest };
  lines: string[];
  origins: Origins;
  state: Digest;
  withdrawn?: Current["withdrawn"];
};

/** What `current.json` says, without opening what it names. */
export async function findCurrent(stateDir: string, setId: SetId): Promise<Current | undefined> {
  const bytes = await readIfThere(join(setDir(stateDir, setId), "current.json"));
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ExchangeError("copy_damaged", { reason: "current" });
  }
  const parsed = CurrentFile.safeParse(value);
  if (!parsed.success) throw new ExchangeError("copy_damaged", { reason: "current" });
  if (parsed.data.publisher !== setId.publisher || parsed.data.set !== setId.set) {
    throw new ExchangeError("copy_damaged", { reason: "set" });
  }
  return parsed.data;
}

/**
 * The copy of a set, opened only when each of its files is the one that was verified.
 *
 * @returns undefined when the set was never synced
 * @throws ExchangeError `copy_damaged`
 */
export async function openCopy(stateDir: string, setId: SetId): Promise<Copy | undefined> {
  // A sync may switch between reading `current.json` and reading what it names; then the newer one is there.
  for (let attempt = 0; ; attempt++) {
    const current = await findCurrent(stateDir, setId);
    if (current === undefined) return undefined;
    try {
      return await openNamed(stateDir, setId, current);
    } catch (error) {
      const now = await findCurrent(stateDir, setId);
      if (attempt >= 2 || now?.rows.file === current.rows.file) throw error;
    }
  }
}

async function openNamed(stateDir: string, setId: SetId, current: Current): Promise<Copy> {
  const dir = setDir(stateDir, setId);
  const [rows, envelope, manifestBytes] = await Promise.all([
    readRef(dir, current.rows),
    readRef(dir, current.envelope),
    readRef(dir, current.manifest),
  ]);
  const { payloadBytes } = parseEnvelope(envelope);
  if ((await digestOf(payloadBytes)) !== current.statement)
    throw new ExchangeError("copy_damaged", { reason: "statement" });
  const statement = parseHeldStatement(payloadBytes);
  const lines = new TextDecoder().decode(rows).split("\n");
  lines.pop();
  if (lines.length !== current.entries) throw new ExchangeError("copy_damaged", { reason: "count" });
  const manifest = await parseManifest(manifestBytes, statement, { strict: false });
  const origins =
    current.origins === undefined ? unknownOrigins(current.release) : parseOrigins(await readRef(dir, current.origins));
  const link = { statement, digest: current.statement };
  return { setId, dir, current, link, manifest, envelope, lines, origins, ...rowsOfLines(lines) };
}

export function readManifestBytes({ dir, current }: Copy): Promise<Bytes> {
  return readRef(dir, current.manifest);
}

async function readRef(dir: string, ref: FileRef): Promise<Bytes> {
  const bytes = await readIfThere(join(dir, ref.file));
  if (bytes === undefined) throw new ExchangeError("copy_damaged", { reason: "file_missing" });
  if (bytes.length !== ref.size || (await digestOf(bytes)) !== ref.digest) {
    throw new ExchangeError("copy_damaged", { reason: "digest" });
  }
  return Uint8Array.from(bytes);
}

function parseHeldStatement(payloadBytes: Uint8Array): ReleaseStatement {
  return parseStatement(payloadBytes, { strict: false });
}

/**
 * Switches to a new state: everything it consists of is on the disk first, under names of its own, and `current.json`
 * is renamed over last. A crash before that leaves the old state, after it the new one; what is left over is swept.
 */
export async function switchCopy(stateDir: string, copy: NewCopy, now: Date): Promise<Current> {
  const dir = setDir(stateDir, copy.setId);
  const { release } = copy.link.statement;
  const rows = new TextEncoder().encode(copy.lines.length === 0 ? "" : `${copy.lines.join("\n")}\n`);
  // The digest stands in the name too: a release loaded again after a hold is never written over itself.
  const digits = copy.link.digest.slice("sha256:".length, "sha256:".length + 12);
  const tag = copy.withdrawn === undefined ? digits : `${digits}${copy.withdrawn.statement.slice(-12)}`;
  const current: Current = {
    v: 1,
    publisher: copy.setId.publisher,
    set: copy.setId.set,
    release,
    statement: copy.link.digest,
    root: copy.root,
    entries: copy.lines.length,
    state: copy.state,
    rows: await writeRef(dir, `release-${release}-${tag}.ndjson`, rows),
    envelope: await writeRef(dir, `release-${release}-${tag}.jws`, copy.envelope),
    manifest: await writeRef(dir, `manifest-${release}-${tag}.json`, copy.manifestBytes),
    origins: await writeRef(dir, `release-${release}-${tag}.origins`, formatOrigins(copy.origins, copy.lines)),
    ...(copy.withdrawn === undefined ? {} : { withdrawn: copy.withdrawn }),
    switched_at: now.toISOString(),
  };
  await writePrivateFile(join(dir, "current.json"), `${JSON.stringify(current, null, 2)}\n`);
  await sweep(dir, current);
  return current;
}

async function writeRef(dir: string, file: string, bytes: Uint8Array): Promise<FileRef> {
  await writePrivateFile(join(dir, file), bytes);
  return { file, size: bytes.length, digest: await digestOf(bytes) };
}

/** Removes the rows and statements that `current.json` no longer names, and what crashes left half written. */
async function sweep(dir: string, current: Current): Promise<void> {
  const refs = [current.rows, current.envelope, current.manifest, current.origins];
  const named = new Set(refs.flatMap((ref) => ref?.file ?? []));
  for (const name of await readdir(dir)) {
    const old = /^(?:release|manifest)-\d+-[0-9a-f]+\./.test(name) && !named.has(name);
    if (old || name.endsWith(DRAFT_ENDING)) await rm(join(dir, name), { force: true });
  }
}

/** Destroys the rows and blobs of a copy; the statement that was held stays, so that nobody can roll the set back. */
export async function destroyRows(stateDir: string, setId: SetId): Promise<void> {
  const dir = setDir(stateDir, setId);
  const current = await findCurrent(stateDir, setId);
  if (current !== undefined) await rm(join(dir, current.rows.file), { force: true });
  await rm(join(dir, "blobs"), { recursive: true, force: true });
}

/** The statement that is held, also when the rows are damaged or destroyed: it is what the next release must continue. */
export async function findHeldLink(stateDir: string, setId: SetId): Promise<ReleaseLink | undefined> {
  const current = await findCurrent(stateDir, setId);
  if (current === undefined) return undefined;
  const envelope = await readRef(setDir(stateDir, setId), current.envelope);
  const { payloadBytes } = parseEnvelope(envelope);
  if ((await digestOf(payloadBytes)) !== current.statement)
    throw new ExchangeError("copy_damaged", { reason: "statement" });
  return { statement: parseHeldStatement(payloadBytes), digest: current.statement };
}

/** Lines by entry id, as the composer and the delta want them. */
export function entriesById(lines: readonly string[]): Map<EntryId, string> {
  return new Map(lines.map((line) => [EntryId.parse(entryIdOf(line)), line]));
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
