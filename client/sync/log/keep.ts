/** What a tail found besides the state itself: recalls beside their sets, and evidence where a person finds it. */

import { type SetId, SetName } from "@breakwater/shared/ids.ts";
import { keepEvidence } from "../evidence.ts";
import { evidenceDir, logDir, rootsDir, setDir } from "../paths.ts";
import { listRecalledSets, recheckRecalls, refuseRecall, takeRecalls } from "../recalls.ts";
import type { PublisherFindings } from "./publisher.ts";
import type { Findings } from "./read.ts";
import { openLogRoots } from "./roots.ts";
import type { LogState } from "./state.ts";

export async function keepFindings(stateDir: string, state: LogState, findings: Findings, now: Date): Promise<void> {
  for (const [publisher, found] of findings) {
    await keepPublisherEvidence(stateDir, publisher, found);
    for (const [set, recalls] of groupBySet(found.recalls)) {
      const taken = recalls.map(({ recall, index }) => ({ opened: recall, index }));
      await takeRecalls(stateDir, setIdOf(publisher, set), taken, now);
    }
    for (const { set, index, code, bytes } of found.refusedRecalls) {
      await refuseRecall(stateDir, setIdOf(publisher, set), { code, what: `leaf-${index}`, bytes }, now);
    }
    const log = state.publishers[publisher];
    if (found.newRoot && log !== undefined) {
      const roots = await openLogRoots(log);
      for (const setId of await listRecalledSets(stateDir, publisher))
        await recheckRecalls(stateDir, setId, roots, now);
    }
  }
}

async function keepPublisherEvidence(
  stateDir: string,
  publisher: string,
  { evidence }: PublisherFindings,
): Promise<void> {
  for (const { set, name, bytes } of evidence) {
    const base = set === undefined ? rootsDir(stateDir, publisher) : setDir(stateDir, setIdOf(publisher, set));
    await keepEvidence(evidenceDir(base), name, bytes);
  }
}

/** The checkpoint that is held and the one that contradicts it: together they prove what neither proves alone. */
export async function keepCheckpoints(stateDir: string, state: LogState, note: string): Promise<void> {
  const dir = evidenceDir(logDir(stateDir, state.exchange));
  if (state.checkpoint !== null) await keepEvidence(dir, `checkpoint-${state.size}-ours.txt`, state.checkpoint);
  await keepEvidence(dir, `checkpoint-${state.size}-theirs.txt`, note);
}

function groupBySet(recalls: PublisherFindings["recalls"]): Map<string, PublisherFindings["recalls"]> {
  const bySet = new Map<string, PublisherFindings["recalls"]>();
  for (const one of recalls) bySet.set(one.set, [...(bySet.get(one.set) ?? []), one]);
  return bySet;
}

function setIdOf(publisher: string, set: string): SetId {
  return { publisher: publisher as SetId["publisher"], set: SetName.parse(set) };
}
