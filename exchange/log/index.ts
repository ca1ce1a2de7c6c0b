/** The log's public face. */

import type { JobHandlers } from "../platform/jobs.ts";
import { publishJob } from "./publication.ts";

export { requireLogAhead } from "./halt.ts";
export { appendLeaf, type Leaf, lockLog, logTransaction } from "./log.ts";
export { proveLeaf } from "./prove.ts";
export { nudgeLog, publishLog, schedulePublication } from "./publication.ts";
export { type RebuiltLeaf, rebuildLeaves, resumeLog } from "./restore.ts";
export { logInfo, logRoutes } from "./routes.ts";

export const logJobs: JobHandlers = { "log.publish": publishJob };
