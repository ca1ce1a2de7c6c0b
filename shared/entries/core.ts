/** The members that every kind of entry has, and the rules between them. No nested member may be named `id` (state.ts). */

import { z } from "zod";
import { EntryId } from "../ids.ts";
import { type ObjectOf, refuse } from "../schema.ts";
import { DateText, list, TimeText } from "../text.ts";
import { EntryLabel, HumanReview, Origin, VerificationLevel } from "../vocab/entries.ts";

export const PEOPLE_MAX = 1000;
/** 128 random bits: ties things together and tells nothing. */
export const OpaqueId = z.string().regex(/^[0-9a-f]{32}$/);

export function coreMembers(object: ObjectOf) {
  return {
    id: EntryId,
    expires_at: TimeText.optional(),
    human_review: HumanReview,
    labels: list(EntryLabel).optional(),
    origin: Origin.optional(),
    verification: object({
      level: VerificationLevel,
      on: DateText,
      people: z.int().min(0).max(PEOPLE_MAX),
    }),
  };
}

export type CoreShape = { human_review: string; verification: { level: VerificationLevel; people: number } };

const PEOPLE_NEEDED: Record<VerificationLevel, { min: number; max: number }> = {
  nominated: { min: 0, max: 0 },
  single_reviewed: { min: 1, max: 1 },
  two_reviewed: { min: 2, max: PEOPLE_MAX },
  hotline_verified: { min: 1, max: PEOPLE_MAX },
  police_verified: { min: 1, max: PEOPLE_MAX },
};

export function checkCore({ human_review, verification }: CoreShape, context: z.RefinementCtx): void {
  const { min, max } = PEOPLE_NEEDED[verification.level];
  if (verification.people < min || verification.people > max)
    refuse(context, "verification", "people and level differ");
  // What nobody has checked is looked at by somebody before anything follows from it.
  if (verification.level === "nominated" && human_review !== "required") refuse(context, "human_review", "nominated");
}
