/** A file that the command line names, whole and within a limit or in pieces; `-` is standard input. */

import { open, readFile, stat } from "node:fs/promises";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { fileProblemOf } from "../media/file-problem.ts";

export async function readInput(path: string, maxBytes: number): Promise<Uint8Array> {
  if (path === "-") return readStdin(maxBytes);
  try {
    if ((await stat(path)).size > maxBytes) throw new ExchangeError("file_unreadable", { reason: "too_large" });
    return await readFile(path);
  } catch (cause) {
    throw fileProblemOf(cause);
  }
}

async function readStdin(maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new ExchangeError("file_unreadable", { reason: "too_large" });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

// As strings, larger pieces would go to the old generation and stay there for long.
const PIECE_BYTES = 64 * 1024;

/** As it comes, for what need not be held. @throws ExchangeError `file_unreadable` at once when it cannot be opened */
export async function openInput(path: string): Promise<AsyncIterable<Uint8Array>> {
  if (path === "-") return process.stdin as AsyncIterable<Buffer>;
  try {
    return (await open(path)).createReadStream({ highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw fileProblemOf(cause);
  }
}
