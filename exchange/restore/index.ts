/** Public face of restoring: bringing a database that was put back from a backup up to what the world knows. */

export { recover } from "./recover.ts";
export type { Whole } from "./steps.ts";
export { restoreJobs, scheduleRestore } from "./sweep.ts";
