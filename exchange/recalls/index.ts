/** Public face of taking back: recalls as they come in and go out, and who has applied what. */

import type { JobHandlers } from "../platform/jobs.ts";
import { FINISH_RECALL, finishRecallJob } from "./signings.ts";

export { acceptRecallStatement } from "./accept.ts";
export { type Covered, listCovered } from "./covered.ts";
export { reapplyRecalls } from "./reapply.ts";
export { recallsRetention } from "./retention.ts";
export { recalls } from "./routes.ts";

export const recallsJobs: JobHandlers = { [FINISH_RECALL]: finishRecallJob };
