/** A hash entry: one signal of one file, with its axes, how it was verified and what a hit should lead to. */

import { z } from "zod";
import { Publisher } from "../ids.ts";
import { closed, type ObjectOf, open, refuse } from "../schema.ts";
import {
  isSignalValue,
  PDQ_BITS,
  PDQ_QUALITY_FLOOR,
  PDQ_QUALITY_MAX,
  SIGNAL_ALGS,
  type SignalAlg,
} from "../signals/index.ts";
import { DateText } from "../text.ts";
import { Act, Age, Production } from "../vocab/axes.ts";
import { CategoryCode, isHashable } from "../vocab/categories.ts";
import { type Axes, deriveViews, isSchemeClass, Scheme, ViewBasis } from "../vocab/crosswalk.ts";
import { AgeConfirmer, ChildCertainty, Media, ReportDuty, RequestedAction, SourceFidelity } from "../vocab/entries.ts";
import { type CoreShape, checkCore, coreMembers, OpaqueId } from "./core.ts";

export const HASH_VALUE_MAX_CHARS = 8192;
export const VIEWS_MAX = 16;

function hashEntrySchema(object: ObjectOf) {
  const view = object({ basis: ViewBasis, by: Publisher, class: z.string().max(32), scheme: Scheme });
  return object({
    ...coreMembers(object),
    act: Act,
    age: Age,
    /** Ends the yearly re-review: somebody who can know has confirmed the age. */
    age_confirmed: object({ by: AgeConfirmer, on: DateText }).optional(),
    alg: z.enum(SIGNAL_ALGS),
    ambiguous_bits: z.int().min(0).max(PDQ_BITS).optional(),
    category: CategoryCode,
    child_certainty: ChildCertainty.optional(),
    /** The same for all hashes of one file. */
    item: OpaqueId.optional(),
    media: Media,
    production: Production,
    quality: z.int().min(0).max(PDQ_QUALITY_MAX).optional(),
    report_duty: ReportDuty,
    requested_action: RequestedAction,
    /** The same for all files of one series; what the series is called stays with the publisher. */
    series: OpaqueId.optional(),
    source_fidelity: SourceFidelity,
    value: z.string().max(HASH_VALUE_MAX_CHARS),
    views: z.array(view).min(1).max(VIEWS_MAX).optional(),
  }).superRefine(checkHashEntry);
}

type HashShape = CoreShape &
  Axes & {
    age_confirmed?: unknown;
    alg: SignalAlg;
    ambiguous_bits?: number | undefined;
    category: CategoryCode;
    child_certainty?: ChildCertainty | undefined;
    quality?: number | undefined;
    requested_action: RequestedAction;
    value: string;
    views?: { basis: ViewBasis; by: string; class: string; scheme: Scheme }[] | undefined;
  };

const ACTS_ON_CONTENT: readonly RequestedAction[] = ["block_remove_report", "remove_report"];

function checkHashEntry(entry: HashShape, context: z.RefinementCtx): void {
  if (!isSignalValue(entry.alg, entry.value)) refuse(context, "value", "form", "signal_invalid");
  if (!isHashable(entry.category)) refuse(context, "category", "not hashable", "category_not_hashable");
  checkQuality(entry, context);
  checkCore(entry, context);
  checkAge(entry, context);
  if (entry.verification.level === "nominated" && ACTS_ON_CONTENT.includes(entry.requested_action)) {
    refuse(context, "requested_action", "nominated");
  }
  checkViews(entry, context);
}

function checkQuality({ alg, quality, ambiguous_bits }: HashShape, context: z.RefinementCtx): void {
  if (alg !== "pdq" && (quality !== undefined || ambiguous_bits !== undefined))
    refuse(context, "quality", "for pdq only");
  // A flat picture's hash matches thousands of others: below the floor it is a lead, never an entry.
  if (alg === "pdq" && (quality ?? 0) < PDQ_QUALITY_FLOOR) refuse(context, "quality", "below the floor");
}

function checkAge(entry: HashShape, context: z.RefinementCtx): void {
  const { age, age_confirmed, child_certainty, requested_action } = entry;
  if (age_confirmed !== undefined && requested_action === "hold_pending_age_confirmation") {
    refuse(context, "requested_action", "the age is confirmed");
  }
  if (age !== "adult_possible") return;
  if (age_confirmed !== undefined || child_certainty !== undefined) refuse(context, "age", "contradicts the certainty");
  // Somebody who may be an adult: a person looks, nothing is removed on the list's word.
  if (ACTS_ON_CONTENT.includes(requested_action)) refuse(context, "requested_action", "may be adult");
}

function checkViews(entry: HashShape, context: z.RefinementCtx): void {
  const derived = deriveViews(entry);
  const seen = new Set<string>();
  for (const view of entry.views ?? []) {
    if (!isSchemeClass(view.scheme, view.class)) refuse(context, "views", "unknown class");
    // "Derived" means by the crosswalk; anything else is somebody's assertion and has to say so.
    if (view.basis === "derived" && derived[view.scheme] !== view.class) refuse(context, "views", "not derived");
    const key = `${view.scheme} ${view.by}`;
    if (seen.has(key)) refuse(context, "views", "twice by one publisher");
    seen.add(key);
  }
}

export const HashEntry = hashEntrySchema(closed);
export type HashEntry = z.output<typeof HashEntry>;
export const TolerantHashEntry = hashEntrySchema(open);

export function hashNaturalKey(entry: Pick<HashEntry, "alg" | "value">): string {
  return `${entry.alg}:${entry.value}`;
}
