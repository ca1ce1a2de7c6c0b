/** How far a publisher's own statements were watched in the log, and which of them nobody has explained yet. */

import { join } from "node:path";
import { findBase64url } from "@breakwater/shared/bytes.ts";
import { Digest, LogOrigin, SetName } from "@breakwater/shared/ids.ts";
import { checkFrontier, type Frontier } from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { readIfThere, writePrivateFile } from "../profile/private-files.ts";

const Alarm = z.object({
  index: z.int().nonnegative(),
  /** Of the payload; null for bytes that have none. */
  digest: Digest.nullable(),
  typ: z.string(),
  set: SetName.optional(),
  number: z.int().nullable(),
  /** Own keys whose signatures hold: a stolen key, or another machine of ours. */
  kids: z.array(z.string()),
  /** Why it should not even be in the log; null when it is properly signed. */
  code: z.string().nullable(),
  at: z.iso.datetime(),
});
export type Alarm = z.infer<typeof Alarm>;

const RefusedRecall = z.object({ set: SetName, code: z.string(), by: z.string(), times: z.int().positive() });
export type RefusedRecall = z.infer<typeof RefusedRecall>;

const StateFile = z.object({
  v: z.literal(1),
  log: z.object({ origin: LogOrigin, vkey: z.string() }),
  size: z.int().nonnegative(),
  frontier: z.array(z.string()),
  /** Verbatim; null before the first. */
  checkpoint: z.string().nullable(),
  /** Statements in the publisher's name so far. */
  seen: z.int().nonnegative(),
  /** Those that nobody has explained. */
  alarms: z.array(Alarm),
  refused: z.array(RefusedRecall),
});
export type MonitorState = z.infer<typeof StateFile>;

export function monitorDir(stateDir: string, publisher: string): string {
  return join(stateDir, "monitor", publisher);
}

export function newMonitorState({ origin, vkey }: MonitorState["log"]): MonitorState {
  const log = { origin, vkey };
  return { v: 1, log, size: 0, frontier: [], checkpoint: null, seen: 0, alarms: [], refused: [] };
}

/** @throws ExchangeError `copy_damaged`: a record of alarms that cannot be read is not a record without alarms */
export async function readMonitorState(stateDir: string, publisher: string): Promise<MonitorState | undefined> {
  const bytes = await readIfThere(join(monitorDir(stateDir, publisher), "state.json"));
  if (bytes === undefined) return undefined;
  try {
    const state = StateFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
    frontierOf(state);
    return state;
  } catch (cause) {
    throw new ExchangeError("copy_damaged", { reason: "monitor" }, { cause });
  }
}

export async function writeMonitorState(stateDir: string, publisher: string, state: MonitorState): Promise<void> {
  await writePrivateFile(join(monitorDir(stateDir, publisher), "state.json"), `${JSON.stringify(state)}\n`);
}

export function frontierOf({ size, frontier }: MonitorState): Frontier {
  return checkFrontier({ size, hashes: frontier.map((text) => findBase64url(text) ?? new Uint8Array()) });
}
