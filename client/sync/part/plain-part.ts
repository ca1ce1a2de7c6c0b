/** A part of our own making: lines that are written here as they are, in files of the size of a segment. */

import { join } from "node:path";
import { LINE_MAX_BYTES, SEGMENT_MAX_LINES, SEGMENT_MAX_PLAIN_BYTES } from "@breakwater/shared/segment.ts";
import { FileWriter } from "./file-writer.ts";
import { plainSegmentName } from "./part-file.ts";
import { type ScanOptions, scanRows } from "./scan-rows.ts";
import { type BuiltPart, PartWriter } from "./write-part.ts";

const LF = 0x0a;

export class PlainPartWriter {
  readonly #writer: PartWriter;
  readonly #scan: ScanOptions;
  #lines = Buffer.allocUnsafe(LINE_MAX_BYTES);
  #used = 0;
  #count = 0;
  #files = 0;

  private constructor(writer: PartWriter, scan: ScanOptions) {
    this.#writer = writer;
    this.#scan = scan;
  }

  static async open(setDir: string, dir: string, scan: ScanOptions): Promise<PlainPartWriter> {
    return new PlainPartWriter(await PartWriter.open(setDir, dir, "plain"), scan);
  }

  /** @param line - without its LF; lines come sorted by id */
  async add(line: string): Promise<void> {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#count === SEGMENT_MAX_LINES || this.#used + bytes > SEGMENT_MAX_PLAIN_BYTES) await this.#flush();
    if (this.#used + bytes > this.#lines.length) this.#grow(this.#used + bytes);
    this.#used += this.#lines.write(line, this.#used);
    this.#lines[this.#used++] = LF;
    this.#count += 1;
  }

  append(name: string, records: Uint8Array): Promise<void> {
    return this.#writer.append(name, records);
  }

  async finish(): Promise<BuiltPart> {
    await this.#flush();
    return this.#writer.finish();
  }

  abandon(): Promise<void> {
    return this.#writer.abandon();
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafe(Math.min(SEGMENT_MAX_PLAIN_BYTES, Math.max(bytes, this.#lines.length * 4)));
    grown.set(this.#lines.subarray(0, this.#used));
    this.#lines = grown;
  }

  async #flush(): Promise<void> {
    if (this.#count === 0) return;
    const plain = this.#lines.subarray(0, this.#used);
    const place = { firstRow: this.#writer.rows, from: "", until: undefined };
    const scanned = scanRows(plain, 0, place, this.#scan);
    const file = await FileWriter.open(join(this.#writer.path, plainSegmentName(this.#files)));
    await file.write(plain);
    const written = await file.close();
    await this.#writer.add(scanned, { ...written, plain: this.#used });
    [this.#used, this.#count, this.#files] = [0, 0, this.#files + 1];
  }
}
