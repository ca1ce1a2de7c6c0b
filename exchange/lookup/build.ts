/** The job that keeps the indexes in step with the sets: tags first, then one index after the other, a step at a time. */

import type { Deps } from "../platform/deps.ts";
import { enqueue, type JobHandler, type JobOutcome } from "../platform/jobs.ts";
import {
  beginEpoch,
  findIndex,
  isDue,
  listIndexes,
  type Plan,
  reconcileIndexes,
  serveEpoch,
  sweepBuckets,
} from "./epoch.ts";
import { dropExpired, ingest } from "./ingest.ts";
import { LOOK_EVERY_MS, STEP_MS } from "./limits.ts";
import { applyRecalls } from "./recalled.ts";
import { indexesOf, listSources } from "./sources.ts";
import { blankPastDays } from "./uses.ts";
import { writeBuckets } from "./write-buckets.ts";

export const BUILD = "lookup.build";

/** Makes sure that the builder exists; called by every scheduled run, changes nothing when it does. */
export async function scheduleLookup(deps: Deps): Promise<void> {
  await enqueue(deps, deps, { kind: BUILD, key: BUILD, runAt: deps.now() });
}

/** A request has seen that an index is behind: the builder looks now. */
export async function hurryLookup(deps: Deps): Promise<void> {
  const now = deps.now();
  await enqueue(deps, deps, { kind: BUILD, key: BUILD, runAt: now });
  await deps.sql`
    update jobs set run_at = ${now} where key = ${BUILD} and run_at > ${now} and done_at is null and locked_until is null`;
  deps.nudgeJobs();
}

type InWork = { index: number; epoch: number; after: number };

export const buildJob: JobHandler = async (deps, { payload }) => {
  const { index, epoch, after } = payload as Partial<InWork>;
  if (index !== undefined && epoch !== undefined && after !== undefined) return goOn(deps, { index, epoch, after });
  return look(deps);
};

/** Tags, then the first index that is due. */
async function look(deps: Deps): Promise<JobOutcome> {
  const now = deps.now();
  const sources = await listSources(deps);
  const deadline = now.getTime() + STEP_MS;
  for (const set of sources) {
    while (await ingest(deps, set)) if (deps.now().getTime() >= deadline) return { again: deps.now(), payload: {} };
    await applyRecalls(deps, set);
  }
  await dropExpired(deps);
  await deps.killPoint("lookup_after_tags");
  const wanted = indexesOf(sources);
  await reconcileIndexes(deps, wanted);
  await sweepBuckets(deps);
  await blankPastDays(deps);
  for (const index of await listIndexes(deps)) {
    const source = wanted.find(({ name }) => name === index.name);
    if (source === undefined || !(await isDue(deps, index, source))) continue;
    const begun = await beginEpoch(deps, index, source);
    return { again: deps.now(), payload: { index: index.id, epoch: begun.epoch, after: -1 } };
  }
  return { again: new Date(deps.now().getTime() + LOOK_EVERY_MS), payload: {} };
}

async function goOn(deps: Deps, { index: id, epoch, after }: InWork): Promise<JobOutcome> {
  const index = await findIndex(deps, id);
  // Another run has taken it up, or served it: look again.
  if (index?.building !== epoch || index.plan === null) return { again: deps.now(), payload: {} };
  const plan: Plan = index.plan;
  const written = await writeBuckets(deps, index, { epoch, plan, after });
  if (written !== "all" && "last" in written)
    return { again: deps.now(), payload: { index: id, epoch, after: written.last } };
  if (written !== "all") {
    const source = indexesOf(await listSources(deps)).find(({ name }) => name === index.name);
    if (source === undefined) return { again: deps.now(), payload: {} };
    const begun = await beginEpoch(deps, index, source, written.overfull);
    return { again: deps.now(), payload: { index: id, epoch: begun.epoch, after: -1 } };
  }
  await deps.killPoint("lookup_before_epoch");
  await serveEpoch(deps, index, epoch);
  await deps.killPoint("lookup_after_epoch");
  await sweepBuckets(deps);
  return { again: deps.now(), payload: {} };
}
