/**
 * Writing the decision ledger. What it promises:
 *
 * - A row of a hit that led to review or block is handed to the system before `append` resolves, and so before the answer:
 *   a killed process (kill -9) loses none of them. Rows that were only observed follow within FLUSH_MS.
 * - The system writes to the disk within SYNC_MS: a power cut may lose the last second.
 * - Nothing acted on goes unrecorded: when the disk is full `append` rejects, and the caller answers with less.
 */

import { type FileHandle, open } from "node:fs/promises";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { makePrivateDir, PRIVATE_FILE_MODE } from "../profile/private-files.ts";
import { type Decision, formatDecision } from "./decision.ts";
import { dayOf, forgetOldDays, type LedgerFile, ledgerDir, newLedgerFile } from "./files.ts";

export const FLUSH_MS = 100;
export const SYNC_MS = 1_000;
/** Rows that wait for a disk that cannot be written; of more than that the oldest are given up and counted. */
export const LEDGER_WAITING_MAX = 100_000;

export type Ledger = {
  /** @throws ExchangeError `ledger_unwritable`, only for rows that were acted on; they are kept and tried again */
  append(rows: readonly Decision[]): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
  /** The file that this process writes now. */
  ownFile(): string | undefined;
  stats(): { rows: number; waiting: number; dropped: number };
};

export async function openLedger(stateDir: string, now: () => Date = () => new Date()): Promise<Ledger> {
  await makePrivateDir(ledgerDir(stateDir));
  await forgetOldDays(stateDir, now());
  let waiting: string[] = [];
  let own: { file: LedgerFile; handle: FileHandle } | undefined;
  let isTorn = false;
  let writing: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let flushTimer: NodeJS.Timeout | undefined;
  let syncTimer: NodeJS.Timeout | undefined;
  const counts = { rows: 0, dropped: 0 };

  async function handleOfToday(): Promise<FileHandle> {
    const day = dayOf(now());
    if (own !== undefined && own.file.day === day) return own.handle;
    await own?.handle.close();
    own = undefined;
    await forgetOldDays(stateDir, now());
    const file = newLedgerFile(stateDir, day);
    own = { file, handle: await open(file.path, "a", PRIVATE_FILE_MODE) };
    isTorn = false;
    return own.handle;
  }

  async function writeWaiting(): Promise<void> {
    const lines = waiting;
    waiting = [];
    if (lines.length === 0) return;
    // What a full disk cut off stands on a line of its own, where readers pass it by.
    const bytes = Buffer.from(`${isTorn ? "\n" : ""}${lines.join("")}`);
    let written = 0;
    try {
      const handle = await handleOfToday();
      while (written < bytes.length) {
        written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten;
      }
      isTorn = false;
      counts.rows += lines.length;
      scheduleSync();
    } catch (cause) {
      const whole = countLines(bytes.subarray(isTorn ? 1 : 0, written));
      counts.rows += whole;
      if (written > 0) isTorn = bytes[written - 1] !== 0x0a;
      waiting = [...lines.slice(whole).map(answeredWithReview), ...waiting];
      const over = Math.max(0, waiting.length - LEDGER_WAITING_MAX);
      counts.dropped += over;
      waiting = waiting.slice(over);
      throw new ExchangeError("ledger_unwritable", {}, { cause });
    }
  }

  /** One write at a time: rows that come while it runs go together into the next. */
  function flush(): Promise<void> {
    if (waiting.length === 0) return writing ?? Promise.resolve();
    queued ??= (writing ?? Promise.resolve())
      .catch(() => undefined)
      .then(async () => {
        queued = undefined;
        writing = writeWaiting().finally(() => {
          writing = undefined;
        });
        await writing;
      });
    return queued;
  }

  function scheduleFlush(): void {
    flushTimer ??= setTimeout(() => {
      flushTimer = undefined;
      // Tried again with the next rows; who acts on a hit is told by `append`.
      flush().catch(scheduleFlush);
    }, FLUSH_MS).unref();
  }

  function scheduleSync(): void {
    syncTimer ??= setTimeout(() => {
      syncTimer = undefined;
      own?.handle.datasync().catch(() => undefined);
    }, SYNC_MS).unref();
  }

  return {
    async append(rows) {
      if (rows.length === 0) return;
      for (const row of rows) waiting.push(formatDecision(row));
      if (!rows.some(({ action }) => action !== "observe")) return scheduleFlush();
      try {
        await flush();
      } catch (error) {
        // Nobody may ask again for long: what waits is tried again without them.
        scheduleFlush();
        throw error;
      }
    },
    flush,
    async close() {
      clearTimeout(flushTimer);
      clearTimeout(syncTimer);
      try {
        await flush();
        await own?.handle.datasync();
      } finally {
        await own?.handle.close();
        own = undefined;
      }
    },
    ownFile: () => own?.file.name,
    stats: () => ({ ...counts, waiting: waiting.length }),
  };
}

/** Whoever acts was told that this was not recorded, and answered with review: that is what is true of it. */
function answeredWithReview(line: string): string {
  return line.replace(',"action":"block",', ',"action":"review","why":"ledger_unwritable",');
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  return lines;
}
