/** The publisher's own record of what it said: each statement is noted here before it leaves the machine. */

import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { Digest, Publisher, SetName } from "@breakwater/shared/ids.ts";
import { z } from "zod";
import { makePrivateDir, PRIVATE_FILE_MODE, readPrivateFile, syncDir } from "../profile/private-files.ts";

/**
 * `signed` with a key of this profile, `asked` of an exchange that holds the key, `accepted` by a person afterwards;
 * `disowned`: somebody else's, known and dealt with by a recovery.
 */
export const JOURNAL_SOURCES = ["signed", "asked", "accepted", "disowned"] as const;

const JournalEntry = z.object({
  v: z.literal(1),
  at: z.iso.datetime(),
  how: z.enum(JOURNAL_SOURCES),
  typ: z.enum(["bw-root+jws", "bw-release+jws", "bw-recall+jws"]),
  publisher: Publisher,
  set: SetName.optional(),
  /** Version of a root, number of a release or recall. */
  number: z.int().positive(),
  digest: Digest,
});
export type JournalEntry = z.infer<typeof JournalEntry>;
export type Journal = ReadonlyMap<string, JournalEntry>;

export function journalPath(profileDir: string): string {
  return join(profileDir, "statements.ndjson");
}

/**
 * What is noted here, by digest. A line that cannot be read is no record: the statement it stood for then shows as one
 * that nobody made, and a person looks.
 */
export async function readJournal(path: string): Promise<Journal> {
  const bytes = (await readPrivateFile(path)) ?? new Uint8Array();
  const entries = new Map<string, JournalEntry>();
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    const entry = parseLine(line);
    if (entry !== undefined) entries.set(entry.digest, entry);
  }
  return entries;
}

/** On the disk when it returns: after a crash the monitor must know what may have gone out. Noting twice is noting once. */
export async function noteStatement(profileDir: string, entry: Omit<JournalEntry, "v">): Promise<void> {
  const path = journalPath(profileDir);
  if ((await readJournal(path)).has(entry.digest)) return;
  await makePrivateDir(profileDir);
  const file = await open(path, "a+", PRIVATE_FILE_MODE);
  try {
    const line = `${JSON.stringify(JournalEntry.parse({ v: 1, ...entry }))}\n`;
    // A line that a crash cut off must not swallow this one.
    await file.writeFile((await endsInside(file)) ? `\n${line}` : line);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDir(profileDir);
}

async function endsInside(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const last = new Uint8Array(1);
  await file.read(last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}

/** Did the publisher say this, as far as is known here? */
export function isOwn(journal: Journal, digest: string): boolean {
  const entry = journal.get(digest);
  return entry !== undefined && entry.how !== "disowned";
}

/** {@link isOwn} by what this profile has noted so far. */
export async function findOwnStatements(profileDir: string): Promise<(digest: string) => boolean> {
  const journal = await readJournal(journalPath(profileDir));
  return (digest) => isOwn(journal, digest);
}

function parseLine(line: string): JournalEntry | undefined {
  try {
    return JournalEntry.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
