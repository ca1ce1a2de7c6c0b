/** A part of a copy on disk: a folder of index files over segments, and `part.json`, which names each with its digest. */

import { statSync } from "node:fs";
import { readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, digestHex } from "@breakwater/shared/bytes.ts";
import { Digest as DigestSchema } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { isFileError, readIfThere, writePrivateFile } from "../../profile/private-files.ts";
import { blobsDir } from "../paths.ts";
import { digestNow } from "./open-segment.ts";

export const PART_FILE = "part.json";
const MS_A_SECOND = 1_000;
/** Times are set and read with different precision; nothing is changed within a millisecond of being verified. */
const CLOCK_STEP_MS = 1;

const Written = z.object({ size: z.int().nonnegative(), digest: DigestSchema, mtime_ms: z.number() });
const PartFile = z.object({
  v: z.literal(1),
  rows: z.int().nonnegative(),
  /** blobs: as the publisher packed and signed them, beside the part. plain: lines as they are, in its own folder. */
  stored: z.enum(["blobs", "plain"]),
  segments: z.array(Written.extend({ plain: z.int().positive(), entries: z.int().nonnegative() })),
  files: z.record(z.string().regex(/^[a-z0-9-]+$/), Written.extend({ count: z.int().nonnegative() })),
});
export type PartFile = z.infer<typeof PartFile>;
export type PartSegment = PartFile["segments"][number];

/** How `current.json` names a part. */
export const PartRef = z.object({
  dir: z.string().regex(/^[\w-]+$/),
  digest: DigestSchema,
  rows: z.int().nonnegative(),
});
export type PartRef = z.infer<typeof PartRef>;

export async function writePartFile(setDir: string, dir: string, part: PartFile): Promise<PartRef> {
  const bytes = new TextEncoder().encode(JSON.stringify(part));
  await writePrivateFile(join(setDir, dir, PART_FILE), bytes);
  return { dir, digest: digestNow(bytes), rows: part.rows };
}

/** @throws ExchangeError `copy_damaged` */
export async function readPartFile(setDir: string, ref: PartRef): Promise<PartFile> {
  const bytes = await readIfThere(join(setDir, ref.dir, PART_FILE));
  if (bytes === undefined) throw new ExchangeError("copy_damaged", { reason: "file_missing" });
  if (digestNow(bytes) !== ref.digest) throw new ExchangeError("copy_damaged", { reason: "digest" });
  // Its bytes are those that we wrote, so its members are what we wrote too.
  return PartFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
}

export function segmentPath(setDir: string, ref: PartRef, part: PartFile, at: number): string {
  const { digest } = part.segments[at] as PartSegment;
  return part.stored === "blobs"
    ? join(blobsDir(setDir), digestHex(digest))
    : join(setDir, ref.dir, plainSegmentName(at));
}

export function plainSegmentName(at: number): string {
  return `lines-${String(at).padStart(5, "0")}.ndjson`;
}

export function indexPath(setDir: string, ref: PartRef, name: string): string {
  return join(setDir, ref.dir, name);
}

/** What a part consists of, part.json left out. */
export function* partPaths(setDir: string, ref: PartRef, part: PartFile) {
  for (const [name, written] of Object.entries(part.files)) yield { path: indexPath(setDir, ref, name), ...written };
  for (const [at, { size, digest, mtime_ms }] of part.segments.entries()) {
    yield { path: segmentPath(setDir, ref, part, at), size, digest, mtime_ms };
  }
}

/**
 * Whether each file is there and untouched since it was verified: by size and time, so that a look without news costs
 * the same for every size of set. A file whose time differs (copied, restored, changed) is read and digested.
 */
export async function isPartSound(setDir: string, ref: PartRef, part: PartFile): Promise<boolean> {
  for (const { path, size, digest, mtime_ms: mtimeMs } of partPaths(setDir, ref, part)) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined || found.size !== size) return false;
    if (Math.abs(found.mtimeMs - mtimeMs) > CLOCK_STEP_MS && !(await isRestored(path, digest, mtimeMs))) return false;
  }
  return true;
}

async function isRestored(path: string, digest: Digest, mtimeMs: number): Promise<boolean> {
  if (digestNow(await readFile(path)) !== digest) return false;
  try {
    await utimes(path, mtimeMs / MS_A_SECOND, mtimeMs / MS_A_SECOND);
  } catch (error) {
    // A folder that can only be read is checked again the next time.
    if (!isFileError(error, "EROFS") && !isFileError(error, "EACCES") && !isFileError(error, "EPERM")) throw error;
  }
  return true;
}
