/** Other people's schemes as views of our axes. It loses information: it is never inverted, and where it is unsafe a human decides. */

import { z } from "zod";
import type { Act, Age, Production } from "./axes.ts";
import { codesOf, type Word } from "./vocabulary.ts";

export const SCHEMES = {
  uk: { label: "UK Sentencing Council", classes: ["A", "B", "C", "prohibited"] },
  ncmec: { label: "NCMEC and Tech Coalition", classes: ["A1", "A2", "B1", "B2"] },
  iccam: { label: "ICCAM", classes: ["baseline", "national", "not_illegal"] },
  c3p: { label: "Project Arachnid", classes: ["csam", "harmful_abusive"] },
  dsa: { label: "DSA Transparency Database", classes: ["csam", "csam_deepfake"] },
} as const satisfies Record<string, Word & { classes: readonly string[] }>;
export const Scheme = z.enum(codesOf(SCHEMES));
export type Scheme = z.infer<typeof Scheme>;

/** Derived: what {@link deriveViews} gives. Asserted: a person at `by` said so, and it stands over the derived one. */
export const VIEW_BASES = {
  derived: { label: "Derived" },
  asserted: { label: "Asserted" },
} as const satisfies Record<string, Word>;
export const ViewBasis = z.enum(codesOf(VIEW_BASES));
export type ViewBasis = z.infer<typeof ViewBasis>;

export type Views = Partial<Record<Scheme, string>>;
export type Axes = { act: Act; age: Age; production: Production };

export function isSchemeClass(scheme: Scheme, text: string): boolean {
  return (SCHEMES[scheme].classes as readonly string[]).includes(text);
}

type AgeGroup = "young" | "middle" | "older" | "minor";

// 11–13 is a group of its own: NCMEC's letter follows puberty, not age, so there a human decides.
const AGE_GROUPS: Record<Age, AgeGroup | undefined> = {
  "0_2": "young",
  "3_6": "young",
  "7_10": "young",
  "11_13": "middle",
  "14_15": "older",
  "16_17": "older",
  minor_unsure: "minor",
  adult_possible: undefined,
  not_assessed: undefined,
};

const UK_CLASSES: Partial<Record<Act, string>> = {
  penetrative: "A",
  sadism_or_animal: "A",
  non_penetrative_activity: "B",
  sexualised_pose_or_focus: "C",
  other_indecent: "C",
};

// Only where the digit and the letter are both safe; a missing cell means: a human decides.
const NCMEC_CLASSES: Partial<Record<Act, Partial<Record<AgeGroup, string>>>> = {
  penetrative: { young: "A1", older: "B1" },
  sexualised_pose_or_focus: { young: "A2", older: "B2" },
};

const ICCAM_CLASSES: Partial<Record<Act, Partial<Record<AgeGroup, string>>>> = {
  penetrative: { young: "baseline", older: "national" },
  sexualised_pose_or_focus: { older: "national" },
};

const C3P_CSAM: readonly Act[] = ["penetrative", "sadism_or_animal", "non_penetrative_activity"];
const DSA_CSAM: readonly Act[] = [...C3P_CSAM, "sexualised_pose_or_focus"];

/**
 * The views that follow safely from the axes. Nothing follows for drawings, for unsure production, or for somebody who
 * may be an adult.
 */
export function deriveViews({ act, age, production }: Axes): Views {
  const group = AGE_GROUPS[age];
  if (group === undefined || production === "drawn_or_cgi" || production === "unsure") return {};
  const isAi = production !== "photographic";
  const views: Record<Scheme, string | undefined> = {
    uk: UK_CLASSES[act],
    ncmec: NCMEC_CLASSES[act]?.[group],
    // The baseline asks for a real child, so what a machine made is never in it.
    iccam: isAi && DSA_CSAM.includes(act) ? "national" : ICCAM_CLASSES[act]?.[group],
    c3p: C3P_CSAM.includes(act) ? "csam" : undefined,
    dsa: DSA_CSAM.includes(act) ? (isAi ? "csam_deepfake" : "csam") : undefined,
  };
  return Object.fromEntries(Object.entries(views).filter(([, value]) => value !== undefined)) as Views;
}
