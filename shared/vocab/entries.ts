/** Words of an entry: how it was verified, where it came from, and what a hit should lead to. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

/** Least checked first. */
export const VERIFICATION_LEVELS = {
  nominated: { label: "Nominated", hint: "Nobody has checked it yet." },
  single_reviewed: { label: "1 person" },
  two_reviewed: { label: "2 people" },
  hotline_verified: { label: "Hotline" },
  police_verified: { label: "Police" },
} as const satisfies Record<string, Word>;
export const VerificationLevel = z.enum(codesOf(VERIFICATION_LEVELS));
export type VerificationLevel = z.infer<typeof VerificationLevel>;

export const ORIGINS = {
  public_report: { label: "Report from the public" },
  flagger_report: { label: "Report from a trusted flagger" },
  proactive_search: { label: "Found by a hotline" },
  provider: { label: "Found by a provider" },
  partner_hotline: { label: "Partner hotline" },
  police: { label: "Police" },
  child_self_report: { label: "Reported by the child" },
  adult_survivor_report: { label: "Reported by the person shown, now adult" },
  synthetic: { label: "Made for tests" },
} as const satisfies Record<string, Word>;
export const Origin = z.enum(codesOf(ORIGINS));
export type Origin = z.infer<typeof Origin>;

/** That a child is shown. A mere possibility is never published, so there is no word for it. */
export const CHILD_CERTAINTIES = {
  confirmed: { label: "Confirmed" },
  probable: { label: "Probable" },
} as const satisfies Record<string, Word>;
export const ChildCertainty = z.enum(codesOf(CHILD_CERTAINTIES));
export type ChildCertainty = z.infer<typeof ChildCertainty>;

export const AGE_CONFIRMERS = {
  police: { label: "Police" },
  hotline: { label: "Hotline" },
  court: { label: "Court" },
  support_service: { label: "Support service", hint: "After the person shown proved their age there." },
} as const satisfies Record<string, Word>;
export const AgeConfirmer = z.enum(codesOf(AGE_CONFIRMERS));
export type AgeConfirmer = z.infer<typeof AgeConfirmer>;

/** Strongest first. */
export const REQUESTED_ACTIONS = {
  block_remove_report: { label: "Block, remove, report" },
  remove_report: { label: "Remove, report" },
  hold_pending_age_confirmation: { label: "Hold until the age is confirmed" },
  review: { label: "Review" },
  observe: { label: "Observe" },
} as const satisfies Record<string, Word>;
export const RequestedAction = z.enum(codesOf(REQUESTED_ACTIONS));
export type RequestedAction = z.infer<typeof RequestedAction>;

export const REPORT_DUTIES = {
  report: { label: "Report" },
  check: { label: "Check whether to report" },
  do_not_report: { label: "Do not report" },
} as const satisfies Record<string, Word>;
export const ReportDuty = z.enum(codesOf(REPORT_DUTIES));
export type ReportDuty = z.infer<typeof ReportDuty>;

export const HUMAN_REVIEWS = {
  not_required: { label: "No review needed" },
  recommended: { label: "Review recommended" },
  required: { label: "Review needed" },
} as const satisfies Record<string, Word>;
export const HumanReview = z.enum(codesOf(HUMAN_REVIEWS));
export type HumanReview = z.infer<typeof HumanReview>;

/** What a hash is a hash of. */
export const MEDIA = {
  image: { label: "Image" },
  video: { label: "Video" },
  audio: { label: "Audio" },
  document: { label: "Document" },
} as const satisfies Record<string, Word>;
export const Media = z.enum(codesOf(MEDIA));
export type Media = z.infer<typeof Media>;

/**
 * What the publisher computed a hash from. There is no word for pixels rendered on a screen: such a hash is a lead in a
 * report and can never be an entry.
 */
export const SOURCE_FIDELITIES = {
  original_bytes: { label: "The original bytes" },
  transcoded: { label: "A copy that the service had converted" },
} as const satisfies Record<string, Word>;
export const SourceFidelity = z.enum(codesOf(SOURCE_FIDELITIES));
export type SourceFidelity = z.infer<typeof SourceFidelity>;

/** Neutral labels that an entry may carry beside its axes. */
export const ENTRY_LABELS = {
  self_generated: { label: "Self-made" },
  coerced: { label: "Signs of coercion" },
  livestream: { label: "Live stream" },
  infant: { label: "Infant" },
  violence: { label: "Violence" },
  animal: { label: "Animal" },
  viral: { label: "Spreads widely" },
  possible_meme: { label: "Passed around as a joke or in outrage" },
  grid: { label: "Grid of several pictures" },
  file_changed: { label: "Known file, changed" },
} as const satisfies Record<string, Word>;
export const EntryLabel = z.enum(codesOf(ENTRY_LABELS));
export type EntryLabel = z.infer<typeof EntryLabel>;
