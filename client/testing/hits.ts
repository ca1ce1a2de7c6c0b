/** Hits as a matcher would hand them over: plain, near enough to act on, of an entry that asks for the most. */

import type { Found } from "../controls/acting.ts";
import type { Decision } from "../ledger/decision.ts";
import { testId } from "./entries.ts";

export function testHit(changes: Partial<Found> = {}): Found {
  return {
    set: "hotline.example/verified",
    publisher: "hotline.example",
    entry: testId(1),
    release: 3,
    origin: { release: 2 },
    kind: "hash",
    level: "act",
    stale: false,
    clockBehind: false,
    recalled: false,
    test: false,
    newPublisher: false,
    weakDigest: false,
    requested_action: "block_remove_report",
    human_review: "not_required",
    content: "upload-1",
    digests: [],
    ...changes,
  };
}

export function testDecision(changes: Partial<Decision> = {}): Decision {
  return {
    entry: testId(1),
    at: new Date().toISOString(),
    hit_ref: "h_0000000000000001",
    set: "hotline.example/verified",
    release: 3,
    origin: { release: 2 },
    kind: "hash",
    distance: 0,
    action: "block",
    would: "block",
    content: "upload-1",
    ...changes,
  };
}
