/** Texts inside signed documents: one spelling, bounded, and nothing but text. */

import { z } from "zod";
import { findImageryInText } from "./imagery-gate.ts";

// Control characters hide text from readers; bidirectional controls show another text than is compared (CVE-2021-42574).
const HIDDEN = /[\p{Cc}\u202a-\u202e\u2066-\u2069\ufeff]/u;
// Pictures hide in long unbroken runs of base64 or hex; no sentence, term or title has one.
const LONG_RUN = /[A-Za-z0-9+/_=-]{120,}/;
const DATA_URI = /data:[^,\s]{0,100};base64/i;
const LANGUAGE_TAG = /^[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?$/;
export const LIST_MAX_ITEMS = 64;

const isNormal = (text: string) => text.isWellFormed() && text.normalize("NFC") === text && text.trim() === text;
// The gate finds what a run does not: base64 in short lines, and how pictures begin.
const carriesNoData = (text: string) =>
  !LONG_RUN.test(text) && !DATA_URI.test(text) && findImageryInText(text) === undefined;

/** One line: NFC, trimmed, not empty, no control characters, no encoded data. */
export function Line(maxChars: number) {
  return z
    .string()
    .min(1)
    .max(maxChars)
    .refine(isNormal, "NFC and trimmed")
    .refine((text) => !HIDDEN.test(text), "no control characters")
    .refine(carriesNoData, "no encoded data");
}

/** As {@link Line}, but of several lines. */
export function Text(maxChars: number, maxLines = maxChars) {
  return z
    .string()
    .min(1)
    .max(maxChars)
    .refine(isNormal, "NFC and trimmed")
    .refine((text) => !HIDDEN.test(text.replaceAll("\n", "")), "no control characters")
    .refine((text) => text.split("\n").length <= maxLines, "too many lines")
    .refine(carriesNoData, "no encoded data");
}

/** BCP 47: language, perhaps script, perhaps region, in the usual case; `und` where it does not depend on one. */
export const LanguageTag = z.string().regex(LANGUAGE_TAG);

/** A date of the Gregorian calendar, UTC: `2026-11-22`. */
export const DateText = z.iso.date();
/** RFC 3339, UTC, whole seconds: `2026-11-22T14:02:00Z`; so texts sort as times do. */
export const TimeText = z.iso.datetime({ precision: 0 });

/** A list that is not empty, each item once. */
export function list<Item extends z.ZodType<string>>(item: Item, maxItems = LIST_MAX_ITEMS) {
  return z
    .array(item)
    .min(1)
    .max(maxItems)
    .refine((items) => new Set(items).size === items.length, "each once");
}
