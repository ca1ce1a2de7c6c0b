/** Which sets a command means, and the lock that keeps two commands from writing the same copies. */

import { parseSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { takeLock } from "../profile/lock.ts";
import type { Profile } from "../profile/profile.ts";
import type { Terminal } from "./terminal.ts";

/** `publisher/set`, or only the set's name for the profile's own publisher. */
export function parseSetArgument(text: string, profile: Pick<Profile, "publisher">): SetId {
  if (text.includes("/")) return parseSetId(text);
  if (profile.publisher === undefined) throw new ExchangeError("id_invalid", { expected: "publisher/set" });
  return parseSetId({ publisher: profile.publisher, set: text });
}

/** How long a second command waits for the first one. */
export const LOCK_WAIT_MS = 10_000;

/** @throws ExchangeError `copy_locked` when the other command takes longer than that */
export async function withStateLock<T>(
  terminal: Terminal,
  stateDir: string,
  waitMs: number,
  run: () => Promise<T>,
): Promise<T> {
  let lock = await takeLock(stateDir, "state", 0);
  if (lock === undefined) {
    terminal.note(terminal.mark("note", "another command is using the copies; waiting"));
    lock = await takeLock(stateDir, "state", waitMs);
  }
  if (lock === undefined) throw new ExchangeError("copy_locked");
  try {
    return await run();
  } finally {
    await lock.release();
  }
}
