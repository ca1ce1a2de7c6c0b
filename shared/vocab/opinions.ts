/** What a member may say of an entry after its own people have looked: the verdict, and in codes why. */

import { z } from "zod";
import { DISPUTE_REASONS } from "./reasons.ts";
import { codesOf, type Word } from "./vocabulary.ts";

export const OPINION_VERDICTS = {
  confirmed: { label: "Confirmed", hint: "A person looked and agrees with the listing" },
  rejected: { label: "Rejected", hint: "A person looked and disagrees with the listing" },
  unclear: { label: "Unclear", hint: "A person looked and could not decide" },
} as const satisfies Record<string, Word>;
export const OpinionVerdict = z.enum(codesOf(OPINION_VERDICTS));
export type OpinionVerdict = z.infer<typeof OpinionVerdict>;

/** What a guard at a member turned to review, because it hit far more often than it used to. */
export const FLOOD_SCOPES = {
  entry: { label: "One entry" },
  release: { label: "One release" },
  publisher: { label: "All of the publisher's entries" },
} as const satisfies Record<string, Word>;
export const FloodScope = z.enum(codesOf(FLOOD_SCOPES));
export type FloodScope = z.infer<typeof FloodScope>;

/** Why somebody rejects: the words of disputes, since a dispute may follow. */
export const OPINION_REASONS = DISPUTE_REASONS;
