/** Recalls beside the copy, in a file of their own: applied as soon as they verify, whatever state the set is in. */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { Digest, EntryId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, isProblemCode, type ProblemCode } from "@breakwater/shared/problem.ts";
import { isRecallInForce, type OpenedRecall, openRecall, parseRecall, type Recall } from "@breakwater/shared/recall.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import { z } from "zod";
import { isFileError, readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { evidenceName, keepEvidence } from "./evidence.ts";
import { evidenceDir, setDir } from "./paths.ts";

/** The freshness limit: a statement that is served and not logged for longer is hidden from everybody else. */
export const UNLOGGED_LIMIT_MS = 24 * 60 * 60 * 1000;
/** The newest refusals are shown; an exchange can make as many as it likes. */
const REFUSED_KEPT = 20;

const HeldRecall = z.object({
  recall: z.int().positive(),
  digest: Digest,
  /** As it came: verified when it was taken, and again when the publisher's keys change. */
  envelope: z.string(),
  first_seen_at: z.iso.datetime(),
  /** Its place in the log; absent while no checkpoint covers it. */
  index: z.int().nonnegative().optional(),
  /** The ids of its list, once they were fetched. */
  listed: z.array(EntryId).optional(),
});
export type HeldRecall = z.infer<typeof HeldRecall>;

const RefusedRecall = z.object({ code: z.custom<ProblemCode>(isProblemCode), at: z.iso.datetime(), what: z.string() });

const RecallsFile = z.object({
  v: z.literal(1),
  /** The highest number that verified. */
  newest: z.int().nonnegative(),
  held: z.array(HeldRecall),
  refused: z.array(RefusedRecall),
});
export type Recalls = z.infer<typeof RecallsFile>;

const NONE: Recalls = { v: 1, newest: 0, held: [], refused: [] };

/** @throws ExchangeError `copy_damaged`: recalls that cannot be read are not no recalls */
export async function readRecalls(stateDir: string, setId: SetId): Promise<Recalls> {
  const bytes = await readIfThere(recallsPath(stateDir, setId));
  if (bytes === undefined) return NONE;
  try {
    return RecallsFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new ExchangeError("copy_damaged", { reason: "recalls" }, { cause });
  }
}

/**
 * For a copy that is loaded anew: recalls that cannot be read are thrown away, to be fetched again.
 *
 * @returns whether there was something to throw away
 */
export async function resetRecalls(stateDir: string, setId: SetId): Promise<boolean> {
  try {
    await readRecalls(stateDir, setId);
    return false;
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    await rm(recallsPath(stateDir, setId), { force: true });
    return true;
  }
}

/** A recall's own words. They were verified when they were kept. */
export function statementOf({ envelope }: HeldRecall): Recall {
  return parseHeld(new TextEncoder().encode(envelope));
}

function parseHeld(envelope: Uint8Array): Recall {
  return parseRecall(parseEnvelope(envelope).payloadBytes, { strict: false });
}

/** Those in force now, with the ids of their lists as far as they are known. */
export async function listInForce(
  stateDir: string,
  setId: SetId,
  now: Date,
): Promise<{ recall: Recall; listed: ReadonlySet<string> | undefined }[]> {
  const { held } = await readRecalls(stateDir, setId);
  return held
    .map((one) => ({ recall: statementOf(one), listed: one.listed && new Set<string>(one.listed) }))
    .filter(({ recall }) => isRecallInForce(recall, secondsOf(now)));
}

export type Taken = { opened: OpenedRecall; index?: number };

/** Takes what verified. One that is held already only learns its place in the log. */
export async function takeRecalls(stateDir: string, setId: SetId, taken: readonly Taken[], now: Date): Promise<void> {
  const before = await readRecalls(stateDir, setId);
  const held = new Map(before.held.map((one) => [one.digest, one]));
  for (const { opened, index } of taken) {
    if (opened.recall.exp <= secondsOf(now)) continue;
    const known = held.get(opened.digest);
    held.set(opened.digest, {
      ...(known ?? {
        recall: opened.recall.recall,
        digest: opened.digest,
        envelope: new TextDecoder().decode(opened.bytes),
        first_seen_at: now.toISOString(),
      }),
      ...(index === undefined ? {} : { index }),
    });
  }
  const newest = Math.max(before.newest, ...taken.map(({ opened }) => opened.recall.recall));
  await writeRecalls(stateDir, setId, before, { ...before, newest, held: [...held.values()] }, now);
}

/** A recall that does not count is shown to a person, and its bytes are kept. */
export async function refuseRecall(
  stateDir: string,
  setId: SetId,
  { code, what, bytes }: { code: ProblemCode; what: string; bytes?: Uint8Array },
  now: Date,
): Promise<void> {
  const before = await readRecalls(stateDir, setId);
  if (before.refused.some((one) => one.what === what)) return;
  if (bytes !== undefined)
    await keepEvidence(evidenceDir(setDir(stateDir, setId)), `recall-${what}.${code}.jws`, bytes);
  const refused = [...before.refused, { code, at: now.toISOString(), what }].slice(-REFUSED_KEPT);
  await writeRecalls(stateDir, setId, before, { ...before, refused }, now);
}

/** After a rotation: a recall by a key that is gone ends at once (integrity §2.8). */
export async function recheckRecalls(
  stateDir: string,
  setId: SetId,
  roots: readonly OpenedRoot[],
  now: Date,
): Promise<void> {
  const newest = roots[roots.length - 1];
  const before = await readRecalls(stateDir, setId);
  if (newest === undefined || before.held.length === 0) return;
  const held: HeldRecall[] = [];
  const refused = [...before.refused];
  for (const one of before.held) {
    const code = await findFault(new TextEncoder().encode(one.envelope), newest, roots.slice(0, -1));
    if (code === undefined) held.push(one);
    else refused.push({ code, at: now.toISOString(), what: one.digest.replace(":", "-") });
  }
  await writeRecalls(stateDir, setId, before, { ...before, held, refused: refused.slice(-REFUSED_KEPT) }, now);
}

async function findFault(
  bytes: Uint8Array,
  newest: OpenedRoot,
  former: readonly OpenedRoot[],
): Promise<ProblemCode | undefined> {
  try {
    await openRecall(bytes, newest, { strict: false, former });
    return undefined;
  } catch (error) {
    if (error instanceof ExchangeError) return error.code;
    throw error;
  }
}

/** Forgets what has ended, ids of lists included. */
export async function dropEndedRecalls(stateDir: string, setId: SetId, now: Date): Promise<void> {
  const before = await readRecalls(stateDir, setId);
  await writeRecalls(stateDir, setId, before, before, now);
}

export async function keepListed(
  stateDir: string,
  setId: SetId,
  digest: string,
  ids: string[],
  now: Date,
): Promise<void> {
  const before = await readRecalls(stateDir, setId);
  const held = before.held.map((one) => (one.digest === digest ? { ...one, listed: ids as EntryId[] } : one));
  await writeRecalls(stateDir, setId, before, { ...before, held }, now);
}

/**
 * Those that were served and are in no checkpoint for too long: applied all the same, and evidence that the exchange
 * shows us something that it shows nobody else.
 */
export async function keepUnlogged(stateDir: string, setId: SetId, now: Date): Promise<number[]> {
  const { held } = await readRecalls(stateDir, setId);
  const late = held.filter(
    (one) => one.index === undefined && now.getTime() - Date.parse(one.first_seen_at) > UNLOGGED_LIMIT_MS,
  );
  for (const one of late) {
    await keepEvidence(
      evidenceDir(setDir(stateDir, setId)),
      `not-logged-${evidenceName(one.digest, "jws")}`,
      one.envelope,
    );
  }
  return late.map(({ recall }) => recall);
}

/** Sets of a publisher that recalls lie beside. */
export async function listRecalledSets(stateDir: string, publisher: string): Promise<SetId[]> {
  try {
    const names = await readdir(join(stateDir, "sets", publisher));
    return names.sort().map((set) => ({ publisher, set }) as SetId);
  } catch (error) {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  }
}

async function writeRecalls(stateDir: string, setId: SetId, before: Recalls, after: Recalls, now: Date): Promise<void> {
  const held = after.held.filter((one) => statementOf(one).exp > secondsOf(now)).sort((a, b) => a.recall - b.recall);
  const next = { ...after, held };
  if (JSON.stringify(next) === JSON.stringify(before)) return;
  await writePrivateFile(recallsPath(stateDir, setId), `${JSON.stringify(next, null, 2)}\n`);
}

function recallsPath(stateDir: string, setId: SetId): string {
  return join(setDir(stateDir, setId), "recalls.json");
}

function secondsOf(now: Date): number {
  return Math.floor(now.getTime() / 1000);
}
