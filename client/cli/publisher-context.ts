/** What `publish` and `withdraw` need besides their input: own profile, pin, lock, progress. */

import { formatSetId, randomBytes, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { readPins } from "../profile/pins.ts";
import { RowsInvalid } from "../publish/faults.ts";
import type { PublisherContext } from "../publish/own-set.ts";
import { findPending } from "../publish/pending.ts";
import type { Context } from "./command.ts";
import { CommandFailure, describeError } from "./failure.ts";
import { startProgress } from "./progress.ts";
import { LOCK_WAIT_MS, parseSetArgument, withStateLock } from "./sets.ts";

/** Runs with the copies locked, so that a sync beside it cannot move the copy that is compared against. */
export async function asPublisher<T>(
  context: Context,
  set: string,
  run: (publisher: PublisherContext) => Promise<T>,
): Promise<T> {
  const profile = await context.profile();
  const setId: SetId = parseSetArgument(set, profile);
  const exchange = await context.exchange();
  const pins = await readPins(context.profileDir);
  const progress = startProgress(context.terminal);
  const name = formatSetId(setId);
  const words = {
    read: "rows read",
    packed: "entries packed",
    blobs: "files sent",
    rows: "rows admitted",
    sync: "",
  };
  let finished: number | undefined;
  const publisher: PublisherContext = {
    exchange,
    profileDir: context.profileDir,
    stateDir: profile.stateDir,
    setId,
    pin: pins[setId.publisher],
    now: context.now(),
    random: randomBytes,
    onFinished: (release) => {
      progress.end();
      context.terminal.note(context.terminal.mark("note", `release ${release} of an earlier run was finished`));
      finished = release;
    },
    onProgress: (what, done, total) => progress.update(name, done, total, words[what] || undefined),
  };
  return withStateLock(context.terminal, profile.stateDir, LOCK_WAIT_MS, async () => {
    try {
      return await run(publisher);
    } catch (error) {
      throw await withKept(publisher, error, finished);
    } finally {
      progress.end();
    }
  });
}

/**
 * A refusal says what it leaves: a composed release, which the exchange may have already, or one of an earlier run that
 * is published now.
 */
async function withKept({ stateDir, setId }: PublisherContext, error: unknown, finished?: number): Promise<unknown> {
  if (!(error instanceof ExchangeError) || error instanceof RowsInvalid) return error;
  const pending = await findPending(stateDir, setId).catch(() => undefined);
  if (pending !== undefined) {
    const kept = `release ${pending.release} as it was composed; the same command goes on with it`;
    return new CommandFailure(error, { ...describeError(error), kept });
  }
  if (finished === undefined) return error;
  const kept = `release ${finished} of an earlier run, which is published now; nothing after it`;
  return new CommandFailure(error, { ...describeError(error), kept });
}
