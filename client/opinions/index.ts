/** What this member says back to the exchange, kept until it was heard. */

export { type Flushed, flushOpinions, type OpinionsDoor } from "./flush.ts";
export { countWaiting, queueItem } from "./queue.ts";
