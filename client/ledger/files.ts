/** The ledger's files: one a day and process, so that nobody waits for a lock to write and a day ends by removing files. */

import { randomBytes } from "node:crypto";
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { isFileError } from "../profile/private-files.ts";
import { LEDGER_KEEP_DAYS } from "./decision.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const CHUNK_BYTES = 256 * 1024;
const NAME = /^(\d{4}-\d{2}-\d{2})\.\d+-[0-9a-f]+\.ndjson$/;

export type LedgerFile = { name: string; path: string; day: string };

export function ledgerDir(stateDir: string): string {
  return join(stateDir, "ledger");
}

/** UTC. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

export function newLedgerFile(stateDir: string, day: string): LedgerFile {
  const name = `${day}.${process.pid}-${randomBytes(4).toString("hex")}.ndjson`;
  return { name, path: join(ledgerDir(stateDir), name), day };
}

/** By day, oldest first. @param sinceDay - leaves out the days before it */
export async function listLedgerFiles(stateDir: string, sinceDay = ""): Promise<LedgerFile[]> {
  let names: string[];
  try {
    names = await readdir(ledgerDir(stateDir));
  } catch (error) {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  }
  return names
    .sort()
    .flatMap((name) => {
      const day = NAME.exec(name)?.[1];
      return day === undefined ? [] : [{ name, path: join(ledgerDir(stateDir), name), day }];
    })
    .filter(({ day }) => day >= sinceDay);
}

/** The first moment that the ledger still speaks of. */
export function ledgerStart(now: Date): Date {
  return new Date(now.getTime() - LEDGER_KEEP_DAYS * DAY_MS);
}

/** Days that are over altogether; rows of the day that is just running out are left out by whoever reads. */
export async function forgetOldDays(stateDir: string, now: Date): Promise<void> {
  const keep = dayOf(ledgerStart(now));
  for (const { path, day } of await listLedgerFiles(stateDir)) if (day < keep) await rm(path, { force: true });
}

export type Lines = { lines: string[]; next: number };

/**
 * Whole lines of a file from an offset on; what is not ended yet is left for the next time.
 *
 * @returns undefined at the end of the file
 */
export async function readLines(path: string, from: number, maxBytes = CHUNK_BYTES): Promise<Lines | undefined> {
  const file = await open(path, "r");
  try {
    for (let size = maxBytes; ; size *= 2) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(size), 0, size, from);
      const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
      if (end >= 0) {
        const text = buffer.toString("utf8", 0, end);
        return { lines: text.split("\n"), next: from + end + 1 };
      }
      // A line longer than what was asked for; the end of the file when there was less than that.
      if (bytesRead < size) return undefined;
    }
  } finally {
    await file.close();
  }
}

/** All lines of a file, a chunk at a time; the last one also when nothing ended it: a crash may have cut it off. */
export async function* eachLines(path: string): AsyncGenerator<string[]> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (isFileError(error, "ENOENT")) return; // its day ended while we read
    throw error;
  }
  const decoder = new StringDecoder("utf8");
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest = "";
  try {
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) break;
      const lines = (rest + decoder.write(chunk.subarray(0, bytesRead))).split("\n");
      rest = lines.pop() ?? "";
      yield lines;
    }
    yield [rest + decoder.end()];
  } finally {
    await file.close();
  }
}
