/** A person's word that a statement is the publisher's own: from another machine, the console, or before the journal began. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type JournalEntry, noteStatement } from "../publish/journal.ts";
import { type Alarm, readMonitorState, writeMonitorState } from "./state.ts";

const TYPES = ["bw-root+jws", "bw-release+jws", "bw-recall+jws"] as const;
type Context = { profileDir: string; stateDir: string; publisher: string; now: Date };

/** What a person may accept: properly signed by keys of the publisher. Noise is never ours. */
export async function listAcceptable({
  stateDir,
  publisher,
}: Pick<Context, "stateDir" | "publisher">): Promise<Alarm[]> {
  const state = await readMonitorState(stateDir, publisher);
  return (state?.alarms ?? []).filter(
    ({ code, digest, number }) => code === null && digest !== null && number !== null,
  );
}

/** Drops noise that a person has looked at; the evidence stays. */
export async function dismissNoise({ stateDir, publisher }: Pick<Context, "stateDir" | "publisher">): Promise<number> {
  const state = await readMonitorState(stateDir, publisher);
  if (state === undefined) return 0;
  const alarms = state.alarms.filter(({ code }) => code === null);
  await writeMonitorState(stateDir, publisher, { ...state, alarms });
  return state.alarms.length - alarms.length;
}

/** @throws ExchangeError `not_found` for a digest that no alarm is about */
export async function acceptStatements(context: Context, digests: readonly string[]): Promise<number> {
  const acceptable = await listAcceptable(context);
  const chosen = digests.map((digest) => acceptable.find((alarm) => alarm.digest === digest));
  if (chosen.some((alarm) => alarm === undefined))
    throw new ExchangeError("not_found", { reason: "no_such_statement" });
  for (const alarm of chosen) await noteStatement(context.profileDir, entryOf(alarm as Alarm, context));
  return chosen.length;
}

function entryOf({ digest, typ, set, number }: Alarm, { publisher, now }: Context): Omit<JournalEntry, "v"> {
  return {
    at: now.toISOString(),
    how: "accepted",
    typ: TYPES.find((known) => known === typ) ?? "bw-release+jws",
    publisher: publisher as JournalEntry["publisher"],
    ...(set === undefined ? {} : { set }),
    number: number as number,
    digest: digest as JournalEntry["digest"],
  };
}
