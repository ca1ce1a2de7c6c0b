/** What people here said of hits after they had looked: the local half of an opinion, for the daily counts. */

import { open } from "node:fs/promises";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { OpinionVerdict } from "@breakwater/shared/vocab/opinions.ts";
import { z } from "zod";
import { takeLock } from "../profile/lock.ts";
import { makePrivateDir, PRIVATE_FILE_MODE, readIfThere, writePrivateFile } from "../profile/private-files.ts";

const LOCK_WAIT_MS = 5_000;

const Verdict = z.object({
  at: z.iso.datetime(),
  hit_ref: z.string(),
  /** The day of the hit, whose counts change by this. */
  day: z.iso.date(),
  set: z.string(),
  entry: z.string(),
  verdict: OpinionVerdict,
});
export type Verdict = z.infer<typeof Verdict>;

export async function appendVerdict(stateDir: string, verdict: Verdict): Promise<void> {
  await makePrivateDir(join(stateDir, "opinions"));
  await withLock(stateDir, async () => {
    const file = await open(verdictsPath(stateDir), "a", PRIVATE_FILE_MODE);
    try {
      await file.writeFile(`\n${JSON.stringify(verdict)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/** Those of hits before a day; a file with no others is left as it is. */
export async function forgetVerdicts(stateDir: string, beforeDay: string): Promise<void> {
  await withLock(stateDir, async () => {
    const all = await listVerdicts(stateDir);
    const kept = all.filter(({ day }) => day >= beforeDay);
    if (kept.length === all.length) return;
    await writePrivateFile(verdictsPath(stateDir), kept.map((verdict) => `${JSON.stringify(verdict)}\n`).join(""));
  });
}

async function withLock(stateDir: string, run: () => Promise<void>): Promise<void> {
  const lock = await takeLock(stateDir, "verdicts", LOCK_WAIT_MS);
  if (lock === undefined) throw new ExchangeError("copy_locked", { reason: "verdicts" });
  try {
    await run();
  } finally {
    await lock.release();
  }
}

/** In the order they were given: of one hit the last counts. */
export async function listVerdicts(stateDir: string): Promise<Verdict[]> {
  const bytes = await readIfThere(verdictsPath(stateDir));
  if (bytes === undefined) return [];
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .flatMap((line) => parseVerdict(line) ?? []);
}

function parseVerdict(line: string): Verdict | undefined {
  try {
    return Verdict.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // an empty line, or one that a crash cut off
  }
}

function verdictsPath(stateDir: string): string {
  return join(stateDir, "opinions", "verdicts.ndjson");
}
