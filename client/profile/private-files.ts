/** Files that only their owner may read, written whole or not at all. */

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";

export const PRIVATE_FILE_MODE = 0o600;
export const PRIVATE_DIR_MODE = 0o700;
const OTHERS = 0o077;

/** Makes the folder and those above it, entered by nobody else. */
export async function makePrivateDir(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: PRIVATE_DIR_MODE });
}

/** Replaces the file in one step: a crash leaves the old bytes or the new ones, and the new ones are on the disk. */
export async function writePrivateFile(path: string, bytes: string | Uint8Array): Promise<void> {
  await makePrivateDir(dirname(path));
  const draft = draftPath(path);
  const file = await open(draft, "wx", PRIVATE_FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(draft, { force: true });
    throw error;
  }
  await file.close();
  await rename(draft, path);
  await syncDir(dirname(path));
}

/** As {@link writePrivateFile}, but never over a file that is there: keys are not replaced by accident. */
export async function createPrivateFile(path: string, bytes: string | Uint8Array): Promise<void> {
  await makePrivateDir(dirname(path));
  let file: FileHandle;
  try {
    file = await open(path, "wx", PRIVATE_FILE_MODE);
  } catch (cause) {
    if (isFileError(cause, "EEXIST")) throw new ExchangeError("conflict", { reason: "file_exists" }, { cause });
    throw cause;
  }
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDir(dirname(path));
}

/**
 * Reads a file with a secret, and refuses one that others may read: whoever could read it may have.
 *
 * @returns undefined when there is none
 */
export async function readPrivateFile(path: string): Promise<Uint8Array | undefined> {
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  const { mode } = await stat(path);
  if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
    throw new ExchangeError("profile_invalid", { reason: "readable_by_others" });
  }
  return bytes;
}

export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isFileError(cause, "ENOENT") || isFileError(cause, "ENOTDIR")) return undefined;
    throw cause;
  }
}

/** A rename is durable only when its folder is. */
export async function syncDir(dir: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(dir, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Drafts carry this ending, so that a sweep knows what a crash left behind. */
export const DRAFT_ENDING = ".draft";

export function draftPath(path: string): string {
  return `${path}.${randomBytes(6).toString("hex")}${DRAFT_ENDING}`;
}

export function isFileError(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
