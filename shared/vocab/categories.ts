/** What an entry is about. Some categories are never addressed by a hash: it would hurt the innocent. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

/**
 * `hashable: false`: the pictures themselves are ordinary (a child at the beach, a school photo); what is wrong is what
 * people write beside them. A hash would take the child's own picture away, so such categories are addressed by terms
 * and URLs only.
 */
export type Category = Word & { hashable: boolean };

export const CATEGORIES = {
  csam: { label: "Sexual abuse material", hashable: true },
  ai_csam: { label: "Made or changed with AI", hashable: true },
  non_photographic: { label: "Drawn or computer-made", hashable: true },
  self_generated: { label: "Self-made material", hashable: true },
  exploitative_other: { label: "Exploitative, below the line of abuse material", hashable: true },
  instruction_text: { label: "Text that instructs or promotes", hashable: true },
  synthetic_test: { label: "Made for tests", hashable: true },
  everyday_image_sexualised_by_comments: { label: "Ordinary pictures that are commented on", hashable: false },
  everyday_image_collected: { label: "Ordinary pictures that are collected", hashable: false },
  victim_identifying: { label: "Pictures by which a child could be found", hashable: false },
  solicitation: { label: "Asking for or offering material", hashable: false },
  advert_or_gateway: { label: "Adverts and gateways", hashable: false },
  coded_language: { label: "Coded language", hashable: false },
  grooming: { label: "Grooming", hashable: false },
  sextortion: { label: "Threats or blackmail", hashable: false },
  trafficking_or_tourism: { label: "Trafficking or travel", hashable: false },
  live_abuse: { label: "Live abuse on order", hashable: false },
  payment: { label: "Payment", hashable: false },
} as const satisfies Record<string, Category>;
export const CategoryCode = z.enum(codesOf(CATEGORIES));
export type CategoryCode = z.infer<typeof CategoryCode>;

export function isHashable(code: CategoryCode): boolean {
  return CATEGORIES[code].hashable;
}
