/** Public face of private lookup. */

import type { Deps } from "../platform/deps.ts";
import type { JobHandlers } from "../platform/jobs.ts";
import { enqueue } from "../platform/jobs.ts";
import { BUILD, buildJob, scheduleLookup as scheduleBuild } from "./build.ts";
import { SWEEP, sweepUnnamed } from "./purge.ts";

export { dropLookup, purgeLookup } from "./purge.ts";
export { lookupRetention } from "./retention.ts";
export { lookup } from "./routes.ts";

export const lookupJobs: JobHandlers = { [BUILD]: buildJob, [SWEEP]: sweepUnnamed };

/** Makes sure that the builder and the sweep exist; called by every scheduled run, changes nothing when they do. */
export async function scheduleLookup(deps: Deps): Promise<void> {
  await scheduleBuild(deps);
  await enqueue(deps, deps, { kind: SWEEP, key: SWEEP, runAt: deps.now() });
}
