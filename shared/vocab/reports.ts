/** Words of a report: what it is about, how urgent, on what basis, what happened to it. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

/** In the order of the form's number keys. */
export const REPORT_KINDS = {
  csam: { label: "Picture or video, suspected CSAM" },
  ai_csam: { label: "Made or changed with AI" },
  csam_ad_or_link: { label: "Advert or link to such material" },
  grooming: { label: "Grooming" },
  sextortion: { label: "Threats or blackmail" },
  self_generated_spread: { label: "Spread of self-made material" },
  non_photographic: { label: "Drawn or computer-made" },
  trafficking_or_tourism: { label: "Trafficking or travel" },
  manual_or_advocacy_text: { label: "Text that instructs or promotes" },
  other_exploitation: { label: "Other exploitation of a child" },
  url_only: { label: "Address only", hint: "Nothing could be read from the page." },
} as const satisfies Record<string, Word>;
export const ReportKind = z.enum(codesOf(REPORT_KINDS));
export type ReportKind = z.infer<typeof ReportKind>;

/** Most urgent first. */
export const URGENCIES = {
  immediate_danger: { label: "A child is in danger now" },
  ongoing_abuse_suspected: { label: "It may be going on" },
  rapid_spread: { label: "It spreads fast" },
  standard: { label: "Standard" },
  archive: { label: "Old material" },
} as const satisfies Record<string, Word>;
export const Urgency = z.enum(codesOf(URGENCIES));
export type Urgency = z.infer<typeof Urgency>;

export const REPORT_BASES = {
  seen_by_flagger: { label: "Seen by the flagger" },
  victim_or_parent_report: { label: "Told by the person shown or a parent" },
  hash_match: { label: "Hash match, not viewed" },
  third_party_tip: { label: "Told by somebody else" },
  text_only: { label: "Text only" },
} as const satisfies Record<string, Word>;
export const ReportBasis = z.enum(codesOf(REPORT_BASES));
export type ReportBasis = z.infer<typeof ReportBasis>;

export const CONFIDENCES = {
  low: { label: "Low" },
  medium: { label: "Medium" },
  high: { label: "High" },
} as const satisfies Record<string, Word>;
export const Confidence = z.enum(codesOf(CONFIDENCES));
export type Confidence = z.infer<typeof Confidence>;

/** What a flagger or an assessor may tick. */
export const REPORT_FLAGS = {
  self_generated: { label: "Self-made" },
  coerced: { label: "Signs of coercion" },
  livestream: { label: "Live stream" },
  infant: { label: "Infant" },
  violence: { label: "Violence" },
  viral_meme_possible: { label: "Passed around as a joke or in outrage" },
  victim_identifying_info_visible: { label: "The child could be identified" },
  offender_visible: { label: "Another person is visible" },
  new_looking: { label: "Looks new" },
  series_known: { label: "Known series" },
  text_threat: { label: "Threat in text" },
  location_clue: { label: "Clue to the place" },
} as const satisfies Record<string, Word>;
export const ReportFlag = z.enum(codesOf(REPORT_FLAGS));
export type ReportFlag = z.infer<typeof ReportFlag>;

export const LOCATION_ROLES = {
  media: { label: "The file" },
  page: { label: "The page" },
  frame: { label: "A frame in the page" },
  link_target: { label: "A link's target" },
  profile: { label: "A profile" },
  post: { label: "A post" },
  archive: { label: "An archive" },
} as const satisfies Record<string, Word>;
export const LocationRole = z.enum(codesOf(LOCATION_ROLES));
export type LocationRole = z.infer<typeof LocationRole>;

export const LOCATION_ACCESSES = {
  public: { label: "Public" },
  login_required: { label: "Behind a login" },
  paywalled: { label: "Behind a payment" },
  invite_only: { label: "By invitation" },
  tor: { label: "Onion service" },
  unknown: { label: "Not known" },
} as const satisfies Record<string, Word>;
export const LocationAccess = z.enum(codesOf(LOCATION_ACCESSES));
export type LocationAccess = z.infer<typeof LocationAccess>;

/** States on the wire, with the words of the queue. */
export const REPORT_STATES = {
  received: { label: "Waiting" },
  triaged: { label: "Waiting" },
  urgent_hold: { label: "Urgent" },
  auto_known: { label: "Already listed" },
  in_review: { label: "Being assessed" },
  verified_1: { label: "1 of 2 done" },
  disagreement: { label: "Answers differ" },
  verified: { label: "Verified" },
  published: { label: "Published" },
  rejected: { label: "Not listed" },
  unverifiable: { label: "Not verifiable" },
  merged: { label: "Joined" },
  withdrawn: { label: "Withdrawn" },
  closed_test: { label: "Closed, Test" },
} as const satisfies Record<string, Word>;
export const ReportState = z.enum(codesOf(REPORT_STATES));
export type ReportState = z.infer<typeof ReportState>;
