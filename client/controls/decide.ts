/** From a hit to what it leads to here: the least of what everybody concerned allows (rules 3, 4, 11). Pure. */

import { createHash } from "node:crypto";
import type { MatchAction, WhyNotBlock } from "@breakwater/shared/wire/match.ts";
import type { Controls } from "./controls.ts";
import type { Targeted } from "./target.ts";

/** A hit before anybody has decided about it. */
export type Candidate = Targeted & {
  /** The release of the copy that was matched with. */
  release: number;
  /** By the set's distances: near enough to be acted on, or near enough to be looked at. */
  level: "act" | "review";
  stale: boolean;
  /** Stale because this machine's clock cannot be right. */
  clockBehind: boolean;
  recalled: boolean;
  test: boolean;
  /** The publisher's first days are for watching. */
  newPublisher: boolean;
  /** It rests on MD5 or SHA-1 alone: somebody may have made two files for it. */
  weakDigest: boolean;
  requested_action: string;
  human_review: string;
  /** The caller's own reference to its content. */
  content: string;
  /** `alg:hex` of that content, where they are known: what the allow-list is asked. */
  digests: readonly string[];
};

export type Decided = {
  action: MatchAction;
  why?: WhyNotBlock;
  /** What it would have been in mode `block`: what `what-if` tells, and `enable` before it asks. */
  would: MatchAction;
};

const RANK: Record<MatchAction, number> = { observe: 0, review: 1, block: 2 };

/** What the publisher itself asks to be done without anybody looking first. */
const ASKS_TO_BLOCK = new Set(["block_remove_report", "block"]);

/** Whether a hit on the entry may lead to a block at all. */
export function asksToBlock(entry: Pick<Candidate, "requested_action" | "human_review">): boolean {
  return entry.human_review === "not_required" && ASKS_TO_BLOCK.has(entry.requested_action);
}

type Cap = readonly [action: MatchAction, why: WhyNotBlock];

/** Never more than any one cause allows; of several the first in this order is named. */
export function decide(candidate: Candidate, controls: Controls, now: Date): Decided {
  const caps = capsOf(candidate, controls, now);
  const would = least(caps).action;
  if (candidate.newPublisher) caps.unshift(["observe", "new_publisher"]);
  const mode = modeCap(candidate, controls);
  if (mode !== undefined) caps.push(mode);
  return { ...least(caps), would };
}

function capsOf(candidate: Candidate, controls: Controls, now: Date): Cap[] {
  const caps: Cap[] = [];
  if (candidate.test) caps.push(["observe", "test_set"]);
  if (controls.isAllowed(candidate, candidate.digests)) caps.push(["observe", "allow_listed"]);
  if (candidate.recalled) caps.push(["review", "recalled"]);
  if (candidate.clockBehind) caps.push(["review", "clock_behind"]);
  if (candidate.stale) caps.push(["review", "stale"]);
  const pause = controls.findPause(candidate, now);
  if (pause !== undefined) caps.push([pause.act, "paused"]);
  if (controls.findFlood(candidate) !== undefined) caps.push(["review", "flood"]);
  if (!controls.readable) caps.push(["review", "controls_unreadable"]);
  if (candidate.level === "review") caps.push(["review", "review_distance"]);
  if (candidate.weakDigest) caps.push(["review", "weak_digest"]);
  if (candidate.requested_action === "observe") caps.push(["observe", "entry_asks_less"]);
  else if (!asksToBlock(candidate)) caps.push(["review", "entry_asks_less"]);
  return caps;
}

function modeCap({ set, content }: Candidate, controls: Controls): Cap | undefined {
  // What was chosen cannot be read: review stands in for it, since nobody may have chosen less than that.
  if (!controls.readable) return undefined;
  const mode = controls.modeOf(set);
  if (mode === undefined) return ["observe", "observed"];
  const inside = mode.ratio === undefined || rollOutShare(content) < mode.ratio;
  const act = inside ? mode.act : (mode.rest ?? "observe");
  if (act === "block") return undefined;
  if (!inside) return [act, "roll_out"];
  return act === "observe" ? ["observe", "observed"] : ["review", "mode_review"];
}

function least(caps: readonly Cap[]): { action: MatchAction; why?: WhyNotBlock } {
  const action = caps.reduce<MatchAction>((low, [cap]) => (RANK[cap] < RANK[low] ? cap : low), "block");
  const why = caps.find(([cap]) => cap === action)?.[1];
  return why === undefined ? { action } : { action, why };
}

/**
 * A content's place in a staged roll-out, 0 up to but not 1: the same on every machine and for every set, and a larger
 * ratio only adds contents.
 */
export function rollOutShare(content: string): number {
  return createHash("sha256").update(`breakwater roll-out\n${content}`).digest().readUInt32BE(0) / 2 ** 32;
}
