/** Reads a file once from front to back: exact digests of every byte, and the bytes themselves if asked for. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { createMD5, createSHA1, createSHA256 } from "hash-wasm";
import { asFileProblem } from "./file-problem.ts";
import { FILE_MAX_BYTES, READ_CHUNK_BYTES } from "./limits.ts";

export type ExactDigests = { sha256: string; sha1: string; md5: string };
export type FileRead = {
  digests: ExactDigests;
  byteLength: number;
  /** The file itself, still open, for a decoder that reads it on its own. */
  descriptor?: number;
  /** The first chunk, or the whole file where `keep` asked for it. The reader overwrites it when done. */
  bytes: Uint8Array;
};

type Options = {
  /** Decides from the first bytes and the length whether the whole file is held in memory. */
  keep: (firstBytes: Uint8Array, byteLength: number) => boolean;
  onBytes?: ((bytesRead: number) => void) | undefined;
};

// A named pipe would block the open, and a terminal could become ours; neither flag exists on Windows.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/**
 * @returns what `use` made of the file; its bytes are overwritten before this returns
 * @throws ExchangeError `file_unreadable` with a reason (not_there, no_permission, not_a_file, changed, input_output) or
 *   `file_too_large`; a path is never part of either
 */
export async function readFileOnce<T>(
  path: string,
  options: Options,
  use: (read: FileRead) => T | Promise<T>,
): Promise<T> {
  const file = await asFileProblem(() => open(path, OPEN_FLAGS));
  let read: FileRead | undefined;
  try {
    read = await asFileProblem(() => readWhole(file, options));
    const before = await file.stat();
    const used = await use({ ...read, descriptor: file.fd });
    // Written to while a decoder read it: what it saw is not what was digested.
    const after = await file.stat();
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
      throw new ExchangeError("file_unreadable", { reason: "changed" });
    }
    return used;
  } finally {
    read?.bytes.fill(0);
    await file.close();
  }
}

async function readWhole(file: FileHandle, { keep, onBytes }: Options): Promise<FileRead> {
  // Asked of the open file: what the path names may be another file by now.
  const stats = await file.stat();
  if (!stats.isFile()) throw new ExchangeError("file_unreadable", { reason: "not_a_file" });
  const byteLength = stats.size;
  if (byteLength > FILE_MAX_BYTES) throw new ExchangeError("file_too_large", { max_bytes: FILE_MAX_BYTES });
  const hashers = await Promise.all([createSHA256(), createSHA1(), createMD5()]);
  const first = new Uint8Array(Math.min(READ_CHUNK_BYTES, byteLength));
  await fill(file, first, 0);
  const kept = keep(first, byteLength) ? new Uint8Array(byteLength) : undefined;
  kept?.set(first);
  for (const hasher of hashers) hasher.update(first);
  onBytes?.(first.length);
  const chunk = kept ? undefined : new Uint8Array(READ_CHUNK_BYTES);
  for (let at = first.length; at < byteLength; ) {
    const length = Math.min(READ_CHUNK_BYTES, byteLength - at);
    const part = kept ? kept.subarray(at, at + length) : (chunk as Uint8Array).subarray(0, length);
    await fill(file, part, at);
    for (const hasher of hashers) hasher.update(part);
    at += length;
    onBytes?.(at);
  }
  chunk?.fill(0);
  if (kept) first.fill(0);
  await refuseMore(file, byteLength);
  const [sha256, sha1, md5] = hashers.map((hasher) => hasher.digest("hex")) as [string, string, string];
  return { digests: { sha256, sha1, md5 }, byteLength, bytes: kept ?? first };
}

async function fill(file: FileHandle, part: Uint8Array, position: number): Promise<void> {
  for (let filled = 0; filled < part.length; ) {
    const { bytesRead } = await file.read(part, filled, part.length - filled, position + filled);
    if (bytesRead === 0) throw new ExchangeError("file_unreadable", { reason: "changed" });
    filled += bytesRead;
  }
}

// A file that is still being written has no hash yet.
async function refuseMore(file: FileHandle, byteLength: number): Promise<void> {
  const { bytesRead } = await file.read(new Uint8Array(1), 0, 1, byteLength);
  if (bytesRead > 0) throw new ExchangeError("file_unreadable", { reason: "changed" });
}
