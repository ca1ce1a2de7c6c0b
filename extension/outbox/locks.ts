// navigator.locks as the two locks of the outbox. Both are held by the browser: they end with their holder.
import type { SingleFlight } from "./deliver.ts";
import type { RecordLock } from "./store.ts";

export const oneRecordAtATime: RecordLock = (work) =>
  navigator.locks.request("breakwater-outbox-record", work) as never;

/** Runs queue up behind each other; one that finds nothing due is over at once. */
export const oneDelivery: SingleFlight = (work) => navigator.locks.request("breakwater-outbox-deliver", work) as never;
