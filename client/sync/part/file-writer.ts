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
  #isOpen = true;

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
    const buffer = this.#buffer ?? Buffer.allocUnsafe(BUFFER_BYTES);
    this.#buffer = buffer;
    if (this.#used + bytes.length > BUFFER_BYTES) await this.#flush();
    buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** On the disk once this returns. */
  async close(): Promise<WrittenFile> {
    await this.#flush();
    await this.#file.sync();
    const { mtimeMs } = await this.#file.stat();
    await this.abandon();
    return { size: this.#size, digest: `sha256:${this.#hash.digest("hex")}`, mtime_ms: mtimeMs };
  }

  /** Lets go of the file as it is. */
  async abandon(): Promise<void> {
    if (this.#isOpen) await this.#file.close();
    this.#isOpen = false;
    this.#buffer = undefined;
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
