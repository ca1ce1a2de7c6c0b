/** Text that comes in pieces, from a file or from standard input, without ever being held whole. */

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileProblemOf } from "../media/file-problem.ts";

const CHUNK_BYTES = 256 * 1024;

/** @param path - `-` is standard input. @throws ExchangeError `file_unreadable` */
export async function* readText(path: string): AsyncGenerator<string> {
  const from: Readable = path === "-" ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  // A character may lie across two chunks; what is no UTF-8 becomes a mark, and the rest is still read.
  const decoder = new TextDecoder("utf-8");
  try {
    for await (const bytes of from as AsyncIterable<Buffer>) yield decoder.decode(bytes, { stream: true });
  } catch (cause) {
    throw fileProblemOf(cause);
  }
  yield decoder.decode();
}

export async function* readLines(from: Readable): AsyncGenerator<string> {
  for await (const line of createInterface({ input: from, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() !== "") yield line.trim();
  }
}
