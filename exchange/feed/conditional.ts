/** Conditional requests (RFC 9110 §13) for what follows from a set's head alone: its tag is the head and the epoch. */

import { RECALL_HEADER, RELEASE_HEADER } from "@breakwater/shared/wire/sets.ts";
import type { Context } from "hono";
import type { Env } from "../platform/deps.ts";
import { isCurrent } from "../platform/http.ts";
import type { SetRow } from "../sets/index.ts";

/** As much of the epoch as tells two of them apart. */
const EPOCH_CHARS = 16;
/** Asked for anew each time, and never `public`: who may read is decided per caller. */
const REVALIDATE = "private, no-cache";

export type HeadHeaders = Record<string, string>;

/**
 * Headers of an answer that is the same until the set has another head or the exchange was restored.
 *
 * The tag is weak: packed or not, the answer says the same in other bytes.
 */
export function headHeaders(row: SetRow, epoch: string): HeadHeaders {
  return {
    ETag: `W/"${tagOf(row, epoch)}"`,
    "Cache-Control": REVALIDATE,
    Vary: "Accept-Encoding",
    [RELEASE_HEADER]: String(row.headRelease),
    // Not in the tag: a recall changes no line. Whoever acts on the lines has to hear of it all the same, with 304 too.
    [RECALL_HEADER]: String(row.headRecall),
  };
}

/** Whether the caller has just this. */
export function isHeld(c: Context<Env>, row: SetRow, epoch: string): boolean {
  return isCurrent(c.req.header("if-none-match"), tagOf(row, epoch));
}

const tagOf = ({ headRelease }: SetRow, epoch: string) => `r${headRelease}-${epoch.slice(0, EPOCH_CHARS)}`;
