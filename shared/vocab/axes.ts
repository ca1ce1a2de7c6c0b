/** The three neutral axes of a hash: act, age, production. Stored as they are; foreign schemes are views of them. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

/** Most severe act, in this order. */
export const ACTS = {
  penetrative: { label: "A · activity, type 1" },
  sadism_or_animal: { label: "A · activity, type 2" },
  non_penetrative_activity: { label: "B · activity" },
  sexualised_pose_or_focus: { label: "C · pose or focus" },
  other_indecent: { label: "C · other" },
  none_visible: { label: "None visible" },
  not_assessed: { label: "Not assessed" },
} as const satisfies Record<string, Word>;
export const Act = z.enum(codesOf(ACTS));
export type Act = z.infer<typeof Act>;

/** The youngest child, in years. */
export const AGES = {
  "0_2": { label: "0–2" },
  "3_6": { label: "3–6" },
  "7_10": { label: "7–10" },
  "11_13": { label: "11–13" },
  "14_15": { label: "14–15" },
  "16_17": { label: "16–17" },
  minor_unsure: { label: "Minor, unsure" },
  adult_possible: { label: "May be adult" },
  not_assessed: { label: "Not assessed" },
} as const satisfies Record<string, Word>;
export const Age = z.enum(codesOf(AGES));
export type Age = z.infer<typeof Age>;

export const PRODUCTIONS = {
  photographic: { label: "Photographic" },
  ai_generated: { label: "AI-made" },
  ai_manipulated: { label: "AI-changed" },
  drawn_or_cgi: { label: "Drawn or CGI" },
  unsure: { label: "Unsure" },
} as const satisfies Record<string, Word>;
export const Production = z.enum(codesOf(PRODUCTIONS));
export type Production = z.infer<typeof Production>;
