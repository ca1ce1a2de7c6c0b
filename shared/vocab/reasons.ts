/** Reason codes: for deleting an entry, taking it back, not listing, not being able to verify, disputing. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

/** What a delta says about a deleted id; on purpose no more than this. */
export const DELETION_REASONS = {
  withdrawn: { label: "Withdrawn" },
  expired: { label: "Expired" },
  merged: { label: "Merged into another entry" },
} as const satisfies Record<string, Word>;
export const DeletionReason = z.enum(codesOf(DELETION_REASONS));
export type DeletionReason = z.infer<typeof DeletionReason>;

/** Why a publisher takes entries back; kept at the publisher, told to people, not written into the set. */
export const WITHDRAWAL_REASONS = {
  adult: { label: "Adult" },
  not_csam: { label: "Not such material" },
  benign_collision: { label: "The hash also matches harmless material" },
  medical_or_family: { label: "Medical or family picture" },
  lawful_here: { label: "Lawful where it is listed" },
  person_shown_asks: { label: "The person shown asks for it" },
  wrong_class: { label: "Wrong class" },
  bad_batch: { label: "Bad batch" },
  key_stolen: { label: "Published with a stolen key" },
  legal_order: { label: "Legal order" },
  technical: { label: "Technical fault" },
} as const satisfies Record<string, Word>;
export const WithdrawalReason = z.enum(codesOf(WITHDRAWAL_REASONS));
export type WithdrawalReason = z.infer<typeof WithdrawalReason>;

/** Why a case is not listed. */
export const REJECTION_REASONS = {
  adult: { label: "Adult" },
  not_csam: { label: "Not such material" },
  lawful_here: { label: "Lawful here" },
  medical_or_family: { label: "Medical or family picture" },
  out_of_remit: { label: "Outside of our remit" },
  not_enough: { label: "Not enough to go on" },
  hash_mismatch: { label: "The hashes are of something else" },
} as const satisfies Record<string, Word>;
export const RejectionReason = z.enum(codesOf(REJECTION_REASONS));
export type RejectionReason = z.infer<typeof RejectionReason>;

/** Why a case could not be verified; it may be looked at once more. */
export const UNVERIFIABLE_REASONS = {
  gone: { label: "Gone at source" },
  login_wall: { label: "Behind a login" },
  paywall: { label: "Behind a payment" },
  region_locked: { label: "Not reachable from here" },
  address_wrong: { label: "The address leads nowhere" },
  different_content: { label: "The page shows something else" },
} as const satisfies Record<string, Word>;
export const UnverifiableReason = z.enum(codesOf(UNVERIFIABLE_REASONS));
export type UnverifiableReason = z.infer<typeof UnverifiableReason>;

/** What somebody who objects to an entry may say. */
export const DISPUTE_REASONS = {
  not_csam: { label: "Not such material" },
  adult: { label: "Adult" },
  benign_collision: { label: "The hash also matches harmless material" },
  medical_or_family: { label: "Medical or family picture" },
  artistic_lawful_here: { label: "Lawful art here" },
  victim_withdraws: { label: "The person shown asks for it" },
  wrong_class: { label: "Wrong class" },
  technical: { label: "Technical fault" },
} as const satisfies Record<string, Word>;
export const DisputeReason = z.enum(codesOf(DISPUTE_REASONS));
export type DisputeReason = z.infer<typeof DisputeReason>;
