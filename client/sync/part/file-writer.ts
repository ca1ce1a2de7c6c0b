/** A file that is written once from beginning to end, with its digest taken on the way. */

import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { Digest } from "@breakwater/shared/bytes.ts";
import { PRIVATE_FILE_MODE } from "../../profile/private-files.ts";

const BUFFER_BYTES = 256 * 1024;

export function openNew(path: string): Promise<FileHandle> {
  return open(path, "wx+", PRIVATE_FILE_MODE);
}

export type WrittenFile = { size: number; digest: Digest; mtime_ms: number };

export class FileWriter {
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #buffer: Buffer | undefined;
  #used = 0;
  #size = 0;
  #written: WrittenFile | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<FileWriter> {
    return new FileWriter(await openNew(path));
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#size += bytes.length;
    if (bytes.length >= BUFFER_BYTES) {
      await this.#flush();
      await writeAll(this.#file, bytes);
      return;
    }
    this.#buffer ??= Buffer.allocUnsafe(BUFFER_BYTES);
    if (this.#used + bytes.length > BUFFER_BYTES) await this.#flush();
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  /** On the disk once this returns. */
  async close(): Promise<WrittenFile> {
    try {
      await this.#flush();
      await this.#file.sync();
      const { mtimeMs } = await this.#file.stat();
      this.#written = { size: this.#size, digest: `sha256:${this.#hash.digest("hex")}`, mtime_ms: mtimeMs };
    } finally {
      await this.#file.close();
    }
    this.#buffer = undefined;
    return this.#written;
  }

  async abandon(): Promise<void> {
    if (this.#written === undefined) await this.#file.close().catch(() => undefined); // closed already after a failed close
  }

  get written(): WrittenFile {
    if (this.#written === undefined) throw new Error("not closed yet");
    return this.#written;
  }

  async #flush(): Promise<void> {
    if (this.#used === 0 || this.#buffer === undefined) return;
    await writeAll(this.#file, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}
