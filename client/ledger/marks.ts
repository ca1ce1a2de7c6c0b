/** What became of entries after they had hit here: withdrawn or recalled by their publisher, or listed again. Joined at reading. */

import { open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { makePrivateDir, PRIVATE_FILE_MODE, readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { ledgerDir, ledgerStart } from "./files.ts";

/** Ids in one line; a longer list takes several lines. */
const MARK_ENTRIES_MAX = 1_000;

const Mark = z.object({
  at: z.iso.datetime(),
  set: z.string(),
  /** listed: it is in the set again. */
  what: z.enum(["withdrawn", "recalled", "listed"]),
  /** Of the copy in which it was missing, or found again. */
  release: z.int().positive(),
  /** For a recall: which, and until when its hits ask for review. */
  recall: z.int().positive().optional(),
  until: z.iso.datetime().optional(),
  entries: z.array(z.string()).min(1),
});
export type Mark = z.infer<typeof Mark>;

export type TakenBack = {
  withdrawn?: { at: string; release: number };
  recalled?: { at: string; recall: number; until: string };
};

/** On the disk when this returns. */
export async function appendMarks(stateDir: string, marks: readonly Mark[]): Promise<void> {
  if (marks.length === 0) return;
  await makePrivateDir(ledgerDir(stateDir));
  const file = await open(marksPath(stateDir), "a", PRIVATE_FILE_MODE);
  try {
    // The first line end closes a line that a crash may have cut off.
    await file.writeFile(`\n${marks.flatMap(linesOf).join("")}`);
    await file.sync();
  } finally {
    await file.close();
  }
}

function linesOf({ entries, ...mark }: Mark): string[] {
  const lines: string[] = [];
  for (let at = 0; at < entries.length; at += MARK_ENTRIES_MAX) {
    lines.push(`${JSON.stringify({ ...mark, entries: entries.slice(at, at + MARK_ENTRIES_MAX) })}\n`);
  }
  return lines;
}

/** By `publisher/set#id`. */
export async function readMarks(stateDir: string): Promise<Map<string, TakenBack>> {
  const found = new Map<string, TakenBack>();
  for (const { at, set, what, release, recall, until, entries } of await listMarks(stateDir)) {
    for (const entry of entries) {
      const key = `${set}#${entry}`;
      const { withdrawn: _, ...rest } = found.get(key) ?? {};
      if (what === "listed") found.set(key, rest);
      else if (what === "withdrawn") found.set(key, { ...rest, withdrawn: { at, release } });
      else if (recall !== undefined && until !== undefined) {
        found.set(key, { ...found.get(key), recalled: { at, recall, until } });
      }
    }
  }
  return found;
}

/** Marks outlive the rows they speak of by nothing. The caller holds the lock. */
export async function forgetOldMarks(stateDir: string, now: Date): Promise<void> {
  const marks = await listMarks(stateDir);
  const kept = marks.filter(({ at }) => Date.parse(at) >= ledgerStart(now).getTime());
  if (kept.length < marks.length) await writePrivateFile(marksPath(stateDir), kept.flatMap(linesOf).join(""));
}

async function listMarks(stateDir: string): Promise<Mark[]> {
  const bytes = await readIfThere(marksPath(stateDir));
  if (bytes === undefined) return [];
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .flatMap((line) => parseMark(line) ?? []);
}

function parseMark(line: string): Mark | undefined {
  try {
    return Mark.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // cut off by a crash: what it said is found and written again
  }
}

function marksPath(stateDir: string): string {
  return join(ledgerDir(stateDir), "marks.ndjson");
}
