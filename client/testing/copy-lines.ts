/** A small copy's lines at once, for tests that compare all of them. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { SetId } from "@breakwater/shared/ids.ts";
import { type Copy, openCopy } from "../sync/copy.ts";

const GZIP_MAGIC = [0x1f, 0x8b];

export async function linesOf(copy: Copy | undefined): Promise<string[] | undefined> {
  if (copy === undefined) return undefined;
  const lines: string[] = [];
  for await (const { line } of copy.rows()) lines.push(line);
  return lines;
}

/** Opens the copy, reads it and closes it; undefined when there is none. */
export async function heldLines(stateDir: string, setId: SetId): Promise<string[] | undefined> {
  const copy = await openCopy(stateDir, setId);
  try {
    return await linesOf(copy);
  } finally {
    copy?.close();
  }
}

/** Every file below a folder that has the value in any form that we write: as text, packed, or as the bytes of an index. */
export async function filesWith(dir: string, value: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(dir, { recursive: true })) {
    const bytes = await readFile(join(dir, name)).catch(() => undefined); // a folder
    if (bytes === undefined) continue;
    const isPacked = bytes[0] === GZIP_MAGIC[0] && bytes[1] === GZIP_MAGIC[1];
    const plain = isPacked ? gunzipSync(bytes) : bytes;
    if (plain.includes(value) || plain.includes(Buffer.from(value, "hex"))) found.push(name);
  }
  return found;
}
