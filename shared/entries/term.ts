/** A term entry: words that offenders use, how they match, and how often innocent people use them. */

import { z } from "zod";
import { jcs } from "../jcs.ts";
import { findTermFault } from "../match/terms/too-broad.ts";
import { closed, type ObjectOf, open, refuse } from "../schema.ts";
import { DateText, LanguageTag, Line, list } from "../text.ts";
import { CategoryCode } from "../vocab/categories.ts";
import { CountryCode } from "../vocab/country.ts";
import { Ambiguity, TermAction, TermContext, TermMatch } from "../vocab/terms.ts";
import { type CoreShape, checkCore, coreMembers } from "./core.ts";

export const TERM_MAX_CHARS = 200;
export const TERM_COMPANIONS_MAX = 16;
export const INNOCENT_MEANINGS_MAX = 8;
export const INNOCENT_MEANING_MAX_CHARS = 300;

function termEntrySchema(object: ObjectOf) {
  const term = Line(TERM_MAX_CHARS);
  return object({
    ...coreMembers(object),
    action: TermAction,
    ambiguity: Ambiguity,
    category: CategoryCode,
    context: list(TermContext),
    /** In place of `text` where the term names a person: HMAC-SHA-256 under a key that members get on agreement. */
    digest: object({
      key: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
      value: z.string().regex(/^[0-9a-f]{64}$/),
    }).optional(),
    innocent_meanings: list(Line(INNOCENT_MEANING_MAX_CHARS), INNOCENT_MEANINGS_MAX).optional(),
    language: LanguageTag,
    match: TermMatch,
    not_with: list(term, TERM_COMPANIONS_MAX).optional(),
    region: list(CountryCode).optional(),
    requires_with: list(term, TERM_COMPANIONS_MAX).optional(),
    text: term.optional(),
    valid_from: DateText.optional(),
    valid_until: DateText.optional(),
  }).superRefine((entry, context) => {
    // Asked of what is published here; a subscriber drops no set for one term that it cannot look for.
    if (object === closed) checkTermWorth(entry, context);
    checkTermEntry(entry, context);
  });
}

function checkTermWorth(entry: TermShape, context: z.RefinementCtx): void {
  const fault = findTermFault(entry);
  if (fault !== undefined) refuse(context, fault.member, "match", fault.code);
}

type TermShape = CoreShape & {
  action: TermAction;
  ambiguity: Ambiguity;
  digest?: { key: string; value: string } | undefined;
  innocent_meanings?: string[] | undefined;
  match: TermMatch;
  not_with?: string[] | undefined;
  requires_with?: string[] | undefined;
  text?: string | undefined;
  valid_from?: string | undefined;
  valid_until?: string | undefined;
};

function checkTermEntry(entry: TermShape, context: z.RefinementCtx): void {
  if ((entry.text === undefined) === (entry.digest === undefined))
    refuse(context, "text", "text or digest, one of them");
  // A digest can be compared with whole words only.
  if (entry.digest !== undefined && entry.match !== "token" && entry.match !== "phrase")
    refuse(context, "match", "digest");
  if (entry.ambiguity === "high") {
    if (entry.action === "block") refuse(context, "action", "ambiguous", "term_too_ambiguous");
    if (entry.innocent_meanings === undefined) refuse(context, "innocent_meanings", "ambiguous");
  }
  if (entry.verification.level === "nominated" && entry.action === "block") refuse(context, "action", "nominated");
  if (entry.valid_from !== undefined && entry.valid_until !== undefined && entry.valid_until < entry.valid_from) {
    refuse(context, "valid_until", "before valid_from");
  }
  checkCore(entry, context);
}

export const TermEntry = termEntrySchema(closed);
export type TermEntry = z.output<typeof TermEntry>;
export const TolerantTermEntry = termEntrySchema(open);

export function termNaturalKey(entry: Pick<TermEntry, "text" | "digest" | "language" | "match" | "context">): string {
  const text = entry.text ?? { [entry.digest?.key ?? ""]: entry.digest?.value ?? "" };
  return jcs([text, entry.language, entry.match, [...entry.context].sort()]);
}
