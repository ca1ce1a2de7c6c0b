/** What proves that somebody spoke twice, hid something or broke the rules: kept as it came, for people outside. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isFileError, writePrivateFile } from "../profile/private-files.ts";

/** An exchange that breaks the rules in a loop must not fill the disk. */
export const EVIDENCE_MAX_FILES = 500;

/** Keeps the bytes under a name; what is there already stays. */
export async function keepEvidence(dir: string, name: string, bytes: string | Uint8Array): Promise<void> {
  const names = await listNames(dir);
  if (names.includes(name) || names.length >= EVIDENCE_MAX_FILES) return;
  await writePrivateFile(join(dir, name), bytes);
}

/** `sha256:ab…` as a file's name. */
export function evidenceName(digest: string, ending: string): string {
  return `${digest.replace(":", "-")}.${ending}`;
}

async function listNames(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  }
}
