/** Watching what is said in a publisher's name. */

export { acceptStatements, dismissNoise, listAcceptable } from "./accept.ts";
export type { Alarm, RefusedRecall } from "./state.ts";
export { type MonitorContext, type Watched, watchOnce } from "./watch.ts";
