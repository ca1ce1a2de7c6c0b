/** The decision ledger (rule 4): what a hit led to here, so that a withdrawal can reach people. No hash, no media. */

import { randomBytes } from "node:crypto";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { makePrivateDir, PRIVATE_FILE_MODE, readIfThere, writePrivateFile } from "../profile/private-files.ts";
import type { Hit } from "./matcher.ts";

export const DECISIONS_KEEP_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;
const HIT_REF_BYTES = 8;

export type Decision = {
  /** Opaque: an affected person can quote it in a dispute. */
  hit: string;
  set: string;
  entry: string;
  release: number;
  distance: number | null;
  action: string;
  /** The member's own reference to its content. */
  content: string;
  at: string;
};

export function newHitRef(): string {
  return `h_${randomBytes(HIT_REF_BYTES).toString("hex")}`;
}

export function decisionOf(hit: Hit, ref: string, content: string, now: Date): Decision {
  return {
    hit: ref,
    set: hit.set,
    entry: hit.entry.id,
    release: hit.release,
    distance: "distance" in hit.how ? hit.how.distance : null,
    action: hit.mode,
    content,
    at: now.toISOString(),
  };
}

export async function recordDecisions(stateDir: string, decisions: readonly Decision[], now: Date): Promise<void> {
  if (decisions.length === 0) return;
  await makePrivateDir(stateDir);
  await forgetOldDecisions(stateDir, now);
  const lines = decisions.map((decision) => `${JSON.stringify(decision)}\n`).join("");
  await appendFile(ledgerPath(stateDir), lines, { mode: PRIVATE_FILE_MODE });
}

/** Lines older than the limit go; a ledger without any is left as it is. */
async function forgetOldDecisions(stateDir: string, now: Date): Promise<void> {
  const bytes = await readIfThere(ledgerPath(stateDir));
  if (bytes === undefined) return;
  const lines = new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter((line) => line !== "");
  const kept = lines.filter((line) => !isOld(line, now));
  if (kept.length < lines.length)
    await writePrivateFile(ledgerPath(stateDir), kept.map((line) => `${line}\n`).join(""));
}

function isOld(line: string, now: Date): boolean {
  try {
    const { at } = JSON.parse(line) as { at?: unknown };
    return typeof at !== "string" || now.getTime() - Date.parse(at) > DECISIONS_KEEP_DAYS * DAY_MS;
  } catch {
    return true; // cut off by a crash while it was appended
  }
}

function ledgerPath(stateDir: string): string {
  return join(stateDir, "decisions.ndjson");
}
