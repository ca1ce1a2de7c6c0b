/** One row of the decision ledger (rule 4): what a hit led to here. No hash, no media, no address. */

import { MatchAction, WhyNotBlock } from "@breakwater/shared/wire/match.ts";
import { z } from "zod";

export const LEDGER_KEEP_DAYS = 90;

/** `entry` comes first and `at` second, so that a search over months need not parse a line to pass it by. */
export const Decision = z.object({
  entry: z.string().length(32),
  at: z.iso.datetime(),
  /** Opaque: an affected person can quote it in a dispute. */
  hit_ref: z.string(),
  set: z.string(),
  /** Of the copy that was matched with. */
  release: z.int().positive(),
  /** The release that put the entry there; with `earliest`, that one or one before it. */
  origin: z.object({ release: z.int().positive(), earliest: z.int().positive().optional() }),
  kind: z.enum(["hash", "term", "url", "indicator"]),
  /** In bits; null where there is none. */
  distance: z.int().nonnegative().nullable(),
  action: MatchAction,
  why: WhyNotBlock.optional(),
  /** The action in mode `block`. */
  would: MatchAction,
  /** The member's own reference to its content. */
  content: z.string(),
});
export type Decision = z.infer<typeof Decision>;

export function formatDecision(row: Decision): string {
  const { entry, at, hit_ref, set, release, origin, kind, distance, action, why, would, content } = row;
  return `${JSON.stringify({ entry, at, hit_ref, set, release, origin, kind, distance, action, why, would, content })}\n`;
}

/** undefined: a line cut off by a crash, or not one of ours. */
export function parseDecision(line: string): Decision | undefined {
  try {
    return Decision.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

export function publisherOf(set: string): string {
  return set.slice(0, set.indexOf("/"));
}
