/** What a set says about itself: signed through the manifest's digest, erasable, never in the log. */

import { z } from "zod";
import { closed, type ObjectOf, open, type ParseOptions, parseWith, refuse } from "./schema.ts";
import { PDQ_BITS, PDQ_MATCH_THRESHOLD, PDQ_QUALITY_FLOOR, PDQ_QUALITY_MAX, SIGNAL_ALGS } from "./signals/index.ts";
import { LanguageTag, Line, list, Text } from "./text.ts";
import { Audience, SetKind, Stream, Surface, Tlp } from "./vocab/sets.ts";

export const TITLE_MAX_CHARS = 120;
export const ABOUT_TEXT_MAX_CHARS = 2000;
export const CONTACT_MAX_CHARS = 200;
export const SEVERITY_LINE_MAX_CHARS = 300;
export const ACT_STALE_DAYS = 7;
export const ACT_STALE_MAX_DAYS = 30;
export const KEEP_STALE_DAYS = 90;
/** Consent-based and person-linked sets: a withdrawn consent may not live on in a forgotten copy. */
export const KEEP_STALE_PERSONAL_DAYS = 14;
export const KEEP_STALE_MAX_DAYS = 90;
export const RETENTION_MAX_DAYS = 3650;

function aboutSchema(object: ObjectOf) {
  return object({
    kind: SetKind,
    stream: Stream,
    title: Line(TITLE_MAX_CHARS),
    description: Text(ABOUT_TEXT_MAX_CHARS),
    purpose: Text(ABOUT_TEXT_MAX_CHARS),
    /** The publisher's lawful basis for sharing, in its own words. */
    basis: Text(ABOUT_TEXT_MAX_CHARS),
    tlp: Tlp,
    audience: list(Audience).optional(),
    contact: Line(CONTACT_MAX_CHARS),
    /** One line on how grave the content is, for whoever decides to subscribe. */
    severity: Line(SEVERITY_LINE_MAX_CHARS),
    surfaces: list(Surface),
    /** How long an entry stays listed before the publisher looks at it again. */
    retention_days: z.int().positive().max(RETENTION_MAX_DAYS),
    /** Past this age of what was last known a hit asks for review instead of blocking. */
    act_stale_days: z.int().positive().max(ACT_STALE_MAX_DAYS),
    /** Past this age the copy is destroyed. */
    keep_stale_days: z.int().positive().max(KEEP_STALE_MAX_DAYS),
    consent_based: z.boolean(),
    person_linked: z.boolean(),
    /** hash sets */
    algs: list(z.enum(SIGNAL_ALGS)).optional(),
    /** Inclusive, in bits: up to here a perceptual hit may be acted on. */
    act_distance: z.int().min(0).max(PDQ_MATCH_THRESHOLD).optional(),
    /** Inclusive, in bits: up to here a perceptual hit is shown to a person. */
    review_distance: z.int().min(0).max(PDQ_BITS).optional(),
    quality_floor: z.int().min(PDQ_QUALITY_FLOOR).max(PDQ_QUALITY_MAX).optional(),
    /** term sets, and indicators where they depend on it */
    languages: list(LanguageTag).optional(),
  }).superRefine(checkAbout);
}

type AboutShape = {
  kind: string;
  act_stale_days: number;
  keep_stale_days: number;
  consent_based: boolean;
  person_linked: boolean;
  algs?: string[] | undefined;
  act_distance?: number | undefined;
  review_distance?: number | undefined;
  quality_floor?: number | undefined;
  languages?: string[] | undefined;
};

function checkAbout(about: AboutShape, context: z.RefinementCtx): void {
  const isPersonal = about.consent_based || about.person_linked;
  if (isPersonal && about.keep_stale_days > KEEP_STALE_PERSONAL_DAYS) {
    refuse(context, "keep_stale_days", "at most 14 for consent-based or person-linked sets");
  }
  if (about.act_stale_days > about.keep_stale_days) refuse(context, "act_stale_days", "above keep_stale_days");
  if ((about.algs !== undefined) !== (about.kind === "hash"))
    refuse(context, "algs", "for hash sets, and always there");
  if (about.kind === "term" && about.languages === undefined) refuse(context, "languages", "for term sets");
  checkDistances(about, context);
}

function checkDistances(about: AboutShape, context: z.RefinementCtx): void {
  const isPerceptual = about.algs?.includes("pdq") ?? false;
  for (const member of ["act_distance", "review_distance", "quality_floor"] as const) {
    if ((about[member] !== undefined) !== isPerceptual) refuse(context, member, "for sets with pdq, and always there");
  }
  if ((about.act_distance ?? 0) > (about.review_distance ?? 0))
    refuse(context, "act_distance", "above review_distance");
}

export const About = aboutSchema(closed);
export type About = z.output<typeof About>;
export const TolerantAbout = aboutSchema(open);

/** @throws ExchangeError `about_invalid` with the path of the member */
export function parseAbout(value: unknown, { strict = true }: ParseOptions = {}): About {
  const about = parseWith(strict ? About : TolerantAbout, value, "about_invalid");
  // A form hands over what was left empty as undefined, which canonical JSON does not have.
  return Object.fromEntries(Object.entries(about).filter(([, member]) => member !== undefined)) as About;
}
