/** An indicator entry: a trend or technique in words, with its benign explanations and figures that name nobody. */

import { z } from "zod";
import { closed, type ObjectOf, open, refuse } from "../schema.ts";
import { DateText, LanguageTag, Line, list, Text } from "../text.ts";
import { CountryCode } from "../vocab/country.ts";
import { Actor, Behaviour, IndicatorAction, Measure, Phase, Stage, Target } from "../vocab/indicators.ts";
import { Confidence } from "../vocab/reports.ts";
import { Surface } from "../vocab/sets.ts";
import { type CoreShape, checkCore, coreMembers } from "./core.ts";

export const INDICATOR_TITLE_MAX_CHARS = 120;
export const INDICATOR_TEXT_MAX_CHARS = 2000;
export const INDICATOR_TEXT_MAX_LINES = 10;
export const BENIGN_EXPLANATIONS_MAX = 8;
export const BENIGN_EXPLANATION_MAX_CHARS = 300;
export const FIGURES_MAX = 16;
export const RELATED_MAX = 32;
export const WINDOW_MAX_HOURS = 24 * 366;
/** Counts below this are never shown, whatever rule the publisher has on top. */
export const SUPPRESSED_BELOW_MIN = 5;

// An entry's address everywhere: `publisher/set#id`.
const EntryAddress = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,252}\/[a-z0-9][a-z0-9-]{0,62}#[0-9a-f]{32}$/);

function indicatorEntrySchema(object: ObjectOf) {
  const figure = object({
    from: DateText,
    measure: Measure,
    /** The rule that was applied: a smaller count is null here. */
    suppressed_below: z.int().min(SUPPRESSED_BELOW_MIN),
    until: DateText,
    value: z.int().nonnegative().nullable(),
  });
  return object({
    ...coreMembers(object),
    /** The publisher's own name for it, by which the next list finds this entry again. */
    key: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    actor: Actor,
    behaviour: Behaviour,
    benign_explanations: list(Line(BENIGN_EXPLANATION_MAX_CHARS), BENIGN_EXPLANATIONS_MAX),
    confidence: Confidence,
    figures: z.array(figure).min(1).max(FIGURES_MAX).optional(),
    languages: list(LanguageTag).optional(),
    /** True where the account that shows it may be the victim's own. */
    may_be_victim: z.boolean(),
    phase: Phase,
    regions: list(CountryCode).optional(),
    related_entries: list(EntryAddress, RELATED_MAX).optional(),
    stages: list(Stage),
    suggested_actions: list(IndicatorAction),
    surfaces: list(Surface),
    target: Target,
    text: Text(INDICATOR_TEXT_MAX_CHARS, INDICATOR_TEXT_MAX_LINES),
    /** From how many on it means something, within the window. */
    threshold_hint: object({ count: z.int().positive(), measure: Measure }).optional(),
    title: Line(INDICATOR_TITLE_MAX_CHARS),
    valid_from: DateText.optional(),
    valid_until: DateText.optional(),
    window_hours: z.int().positive().max(WINDOW_MAX_HOURS).optional(),
  }).superRefine(checkIndicatorEntry);
}

type IndicatorShape = CoreShape & {
  figures?: { from: string; suppressed_below: number; until: string; value: number | null }[] | undefined;
  may_be_victim: boolean;
  phase: Phase;
  suggested_actions: IndicatorAction[];
  valid_from?: string | undefined;
  valid_until?: string | undefined;
};

function checkIndicatorEntry(entry: IndicatorShape, context: z.RefinementCtx): void {
  const isBan = entry.suggested_actions.includes("ban");
  if (isBan && entry.may_be_victim) refuse(context, "suggested_actions", "never ban a possible victim");
  if (isBan && entry.verification.level === "nominated") refuse(context, "suggested_actions", "nominated");
  for (const { from, until, value, suppressed_below } of entry.figures ?? []) {
    if (until < from) refuse(context, "figures", "until before from");
    if (value !== null && value < suppressed_below) refuse(context, "figures", "a small count is shown");
  }
  if (entry.valid_from !== undefined && entry.valid_until !== undefined && entry.valid_until < entry.valid_from) {
    refuse(context, "valid_until", "before valid_from");
  }
  checkCore(entry, context);
}

export const IndicatorEntry = indicatorEntrySchema(closed);
export type IndicatorEntry = z.output<typeof IndicatorEntry>;
export const TolerantIndicatorEntry = indicatorEntrySchema(open);

export function indicatorNaturalKey(entry: Pick<IndicatorEntry, "key">): string {
  return entry.key;
}
