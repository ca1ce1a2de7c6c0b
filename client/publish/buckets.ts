/** Text records in as many files as bytes have values, so that what belongs together is read back together, and little at a time. */

import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isFileError, PRIVATE_DIR_MODE, PRIVATE_FILE_MODE } from "../profile/private-files.ts";

export const BUCKETS = 256;
/** Characters that a bucket gathers before they are written: 16 MiB for all of them. */
const HELD_MAX_CHARS = 64 * 1024;

export type Buckets = {
  /** @param record - without a line feed */
  add(bucket: number, record: string): void;
  /** All records of a bucket, in the order in which they were added. */
  read(bucket: number): string[];
  drop(bucket: number): void;
};

/**
 * Synchronous on purpose: a million records are added one by one, and the disk's own cache takes them at once.
 *
 * @param dir - made when it is missing, readable by its owner only; whoever gave it removes it
 */
export function openBuckets(dir: string, name: string): Buckets {
  mkdirSync(dir, { recursive: true, mode: PRIVATE_DIR_MODE });
  const held = Array.from({ length: BUCKETS }, () => "");
  const pathOf = (bucket: number) => join(dir, `${name}-${bucket.toString(16).padStart(2, "0")}`);

  function write(bucket: number): void {
    if (held[bucket] === "") return;
    appendFileSync(pathOf(bucket), held[bucket] as string, { mode: PRIVATE_FILE_MODE });
    held[bucket] = "";
  }

  return {
    add(bucket, record) {
      const text = `${held[bucket]}${record}\n`;
      held[bucket] = text;
      if (text.length > HELD_MAX_CHARS) write(bucket);
    },
    read(bucket) {
      write(bucket);
      const records = readIfThereSync(pathOf(bucket)).split("\n");
      records.pop();
      return records;
    },
    drop(bucket) {
      held[bucket] = "";
      rmSync(pathOf(bucket), { force: true });
    },
  };
}

function readIfThereSync(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isFileError(error, "ENOENT")) return "";
    throw error;
  }
}
