/** What members say back about entries: opinions, sightings, daily outcomes, floods; and what the publisher gets to see. */

import { z } from "zod";
import { EntryId, Publisher, SetName } from "../ids.ts";
import { FloodScope, OpinionVerdict } from "../vocab/opinions.ts";
import { DisputeReason } from "../vocab/reasons.ts";
import { MemberName } from "./members.ts";

/** Items of one batch; the largest batch stays under the limit of a JSON body. */
export const OPINIONS_BATCH_MAX = 200;
/** As long as a member keeps its ledger: what is older, nobody could look up there. */
export const OPINION_MAX_AGE_DAYS = 90;
/** Clocks and time zones: a day may have begun elsewhere. */
export const OPINION_AHEAD_DAYS = 1;
/** A count below this is never said as a number, neither to the exchange nor to the publisher. */
export const SMALL_COUNT = 5;
const COUNT_MAX = 1_000_000_000;
const FLOOD_TIMES_MAX = 1_000_000;
export const OPINIONS_PAGE_DEFAULT = 50;
export const OPINIONS_PAGE_MAX = 200;

/** How often an entry was seen in a day; the exact number is nobody else's to know. */
export const SIGHTING_BANDS = ["1-4", "5-9", "10-99", "100-999", "1000+"] as const;
export const SightingBand = z.enum(SIGHTING_BANDS);
export type SightingBand = z.infer<typeof SightingBand>;

/** Pure: the band of a count of at least 1. */
export function sightingBandOf(count: number): SightingBand {
  if (count < SMALL_COUNT) return "1-4";
  if (count < 10) return "5-9";
  if (count < 100) return "10-99";
  return count < 1_000 ? "100-999" : "1000+";
}

const Release = z.int().positive();
const Instant = z.iso.datetime({ offset: true });
/** A day in UTC. */
const Day = z.iso.date();
/** Left out where it would be a small count. */
const LargeCount = z.int().min(SMALL_COUNT).max(COUNT_MAX).optional();

/** A person's verdict on an entry. Of one member and entry the newest `at` counts; a rejection says why. */
const Opinion = z
  .strictObject({
    kind: z.literal("opinion"),
    entry: EntryId,
    release: Release,
    at: Instant,
    verdict: OpinionVerdict,
    reason: DisputeReason.optional(),
    /** The publisher is told who says so. Without it the member is one of a count. */
    named: z.boolean().optional(),
  })
  .refine(({ verdict, reason }) => (verdict === "rejected") === (reason !== undefined), {
    path: ["reason"],
    message: "a rejection says why, and nothing else does",
  });

/** Seen that day; a later item of the same day replaces this one. */
const Sighting = z.strictObject({ kind: z.literal("sighting"), entry: EntryId, day: Day, count_band: SightingBand });

/** What came of a day's hits; a later item of the same day replaces this one, whole. */
const Outcomes = z.strictObject({
  kind: z.literal("outcomes"),
  entry: EntryId,
  day: Day,
  matched: LargeCount,
  reviewed: LargeCount,
  confirmed: LargeCount,
  rejected: LargeCount,
  overturned: LargeCount,
});

/** A guard turned this to review here. `times`: how many times its own baseline it hit, rounded down. */
const Flood = z
  .strictObject({
    kind: z.literal("flood"),
    scope: FloodScope,
    entry: EntryId.optional(),
    release: Release.optional(),
    at: Instant,
    times: z.int().min(2).max(FLOOD_TIMES_MAX),
  })
  .refine(
    ({ scope, entry, release }) =>
      (entry !== undefined) === (scope === "entry") && (release !== undefined) === (scope === "release"),
    { path: ["scope"], message: "an entry for an entry, a release for a release, neither for the publisher" },
  );

export const OpinionItem = z.discriminatedUnion("kind", [Opinion, Sighting, Outcomes, Flood]);
export type OpinionItem = z.infer<typeof OpinionItem>;

/**
 * `POST /v1/sets/{publisher}/{set}/opinions`: the same batch twice is one batch. Ids, codes, days and counts: nothing a
 * person wrote, and nothing about content.
 */
export const OpinionsRequest = z.strictObject({
  batch_id: z.uuid(),
  items: z.array(OpinionItem).min(1).max(OPINIONS_BATCH_MAX),
});
export type OpinionsRequest = z.infer<typeof OpinionsRequest>;

/** Why one item was left out; it will not be taken later either, so a queue lets go of it. */
export const IGNORED_CODES = ["entry_unknown", "release_unknown", "too_old", "from_the_future"] as const;
export const OpinionsAnswer = z.object({
  accepted: z.int().nonnegative(),
  /** `at`: the item's place in the batch. One item that cannot be taken does not hold up the others. */
  ignored: z.array(z.object({ at: z.int().nonnegative(), code: z.enum(IGNORED_CODES) })),
});
export type OpinionsAnswer = z.infer<typeof OpinionsAnswer>;

/** Nothing, a few (1 to {@link SMALL_COUNT} - 1), or the number. */
export const ShownCount = z.union([z.literal(0), z.literal("few"), z.int().min(SMALL_COUNT)]);
export type ShownCount = z.infer<typeof ShownCount>;

/** Pure. */
export function shownCountOf(count: number): ShownCount {
  return count <= 0 ? 0 : count < SMALL_COUNT ? "few" : count;
}

/**
 * `verdicts`, `reasons` and `seen_by` count members, in steps of {@link SMALL_COUNT}: 9 is said as 5. `outcomes` add up what
 * members counted.
 */
export const EntryOpinions = z.object({
  entry: EntryId,
  /** In the newest release. */
  listed: z.boolean(),
  verdicts: z.object({ confirmed: ShownCount, rejected: ShownCount, unclear: ShownCount }),
  reasons: z.partialRecord(DisputeReason, ShownCount),
  outcomes: z.object({
    matched: ShownCount,
    reviewed: ShownCount,
    confirmed: ShownCount,
    rejected: ShownCount,
    overturned: ShownCount,
  }),
  seen_by: ShownCount,
  /** The last day of which anything was said. */
  last_day: Day,
  /** Those who sign their opinion with their name. */
  named: z.array(
    z.object({
      member: MemberName,
      title: z.string(),
      verdict: OpinionVerdict,
      reason: DisputeReason.nullable(),
      release: Release,
      day: Day,
    }),
  ),
});
export type EntryOpinions = z.infer<typeof EntryOpinions>;

export const FloodSeen = z.object({
  scope: FloodScope,
  entry: EntryId.nullable(),
  release: Release.nullable(),
  /** Members whose guard says so, in steps of {@link SMALL_COUNT}; never which. */
  members: ShownCount,
  /** The largest that any of them said. */
  times: z.int().positive(),
  last_day: Day,
});
export type FloodSeen = z.infer<typeof FloodSeen>;

/** `GET /v1/sets/{publisher}/{set}/opinions?cursor=&limit=&only=`, for the set's own publisher. */
export const OpinionsPage = z.object({
  publisher: Publisher,
  set: SetName,
  /** Counts below this are said as `few`. */
  small_count: z.literal(SMALL_COUNT),
  entries: z.array(EntryOpinions),
  /** On the first page; the newest first. */
  floods: z.array(FloodSeen).optional(),
  /** Opaque; left out on the last page. */
  cursor: z.string().optional(),
});
export type OpinionsPage = z.infer<typeof OpinionsPage>;

/** `GET /v1/operator/floods`: what members' guards turned to review, over all sets, the newest first. */
export const OperatorFloods = z.object({
  floods: z.array(FloodSeen.extend({ publisher: Publisher, set: SetName })),
});
export type OperatorFloods = z.infer<typeof OperatorFloods>;
