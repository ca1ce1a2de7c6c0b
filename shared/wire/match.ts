/** What a member's own services ask its match daemon, and what a hit tells them: who, how sure, and what to do now. */

import { z } from "zod";
import { EntryId, Publisher } from "../ids.ts";
import { PDQ_BITS, PDQ_PATTERN, PDQ_QUALITY_MAX } from "../signals/index.ts";
import { CountryCode } from "../vocab/country.ts";
import { HumanReview, ReportDuty, RequestedAction, VerificationLevel } from "../vocab/entries.ts";
import { SetKind } from "../vocab/sets.ts";
import { TermAction, TermContext } from "../vocab/terms.ts";
import { UrlScope } from "../vocab/urls.ts";

export const MATCH_ITEMS_MAX = 256;
export const MATCH_BODY_MAX_BYTES = 8 * 1024 * 1024;
/** Of one text; a longer one is cut by the caller with an overlap, or matched by the command, which reads files as they come. */
export const MATCH_TEXT_MAX_CHARS = 1024 * 1024;
/** Longer than any address that a browser sends; what an entry names of it is far shorter. */
export const MATCH_URL_MAX_CHARS = 16 * 1024;
export const MATCH_REF_MAX_CHARS = 200;
/** Of one video; the command reads longer ones. */
export const MATCH_FRAMES_MAX = 4_096;
/** Of a batch's videos together: each frame is a search of its own, and other callers wait meanwhile. */
export const MATCH_BATCH_FRAMES_MAX = 6_144;
/** One picture or video handed to a daemon that takes media. */
export const MATCH_MEDIA_MAX_BYTES = 256 * 1024 * 1024;

/** What this machine's own rules make of a hit, mildest first. */
export const MATCH_ACTIONS = ["observe", "review", "block"] as const;
export const MatchAction = z.enum(MATCH_ACTIONS);
export type MatchAction = z.infer<typeof MatchAction>;

/** Why a hit does not say `block`. */
export const WHY_NOT_BLOCK = [
  "allow_listed",
  "clock_behind",
  "controls_unreadable",
  "entry_asks_less",
  "flood",
  "ledger_unwritable",
  "mode_review",
  "new_publisher",
  "observed",
  "paused",
  "recalled",
  "review_distance",
  "roll_out",
  "stale",
  "test_set",
  "weak_digest",
] as const;
export const WhyNotBlock = z.enum(WHY_NOT_BLOCK);
export type WhyNotBlock = z.infer<typeof WhyNotBlock>;

const Hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
const Pdq = z.strictObject({
  hash: z.string().regex(PDQ_PATTERN),
  /** Without it nobody can say whether the hash means anything. */
  quality: z.int().min(0).max(PDQ_QUALITY_MAX),
  ambiguous_bits: z.int().min(0).max(PDQ_BITS).optional(),
});
const Frame = z.strictObject({ hash: z.string().regex(PDQ_PATTERN), quality: z.int().min(0).max(PDQ_QUALITY_MAX) });

/** The hashes of one file, named as `breakwater hash --json` names them. */
export const MatchHashes = z.strictObject({
  md5: Hex(16).optional(),
  sha1: Hex(20).optional(),
  sha256: Hex(32).optional(),
  sha512: Hex(64).optional(),
  pdq: Pdq.optional(),
  /** Frames of a video in order of time. */
  vpdq: z.array(Frame).min(1).max(MATCH_FRAMES_MAX).optional(),
});
export type MatchHashes = z.infer<typeof MatchHashes>;

export const MatchItem = z.strictObject({
  /** The caller's own reference to its content: it stands in the ledger, and in what `undo` lists. Never a name or an address. */
  ref: z.string().min(1).max(MATCH_REF_MAX_CHARS).optional(),
  hashes: MatchHashes.optional(),
  text: z.string().max(MATCH_TEXT_MAX_CHARS).optional(),
  url: z.string().max(MATCH_URL_MAX_CHARS).optional(),
  /** Where the text was written: terms are listed for some contexts only. Without it every term counts. */
  context: TermContext.optional(),
  /** The country whose rules `next` speaks of; otherwise the request's. */
  country: CountryCode.optional(),
});
export type MatchItem = z.infer<typeof MatchItem>;

/** `POST /v1/match`. An item that is not valid is answered by a problem in its place; the others are matched. */
export const MatchRequest = z.strictObject({
  items: z.array(MatchItem).min(1).max(MATCH_ITEMS_MAX),
  country: CountryCode.optional(),
});
export type MatchRequest = z.infer<typeof MatchRequest>;
/** The same, before its items are looked at one by one. */
export const MatchBatch = z.strictObject({
  ...MatchRequest.shape,
  items: z.array(z.unknown()).min(1).max(MATCH_ITEMS_MAX),
});

const Offset = z.int().nonnegative();
export const How = z.union([
  z.object({ alg: z.enum(["md5", "sha1", "sha256", "sha512"]) }),
  z.object({ alg: z.literal("pdq"), act_distance: Offset, review_distance: Offset }),
  /** Shares of frames that found a partner, both ways, in percent. */
  z.object({ alg: z.literal("vpdq"), seen_percent: z.number(), listed_percent: z.number() }),
  /** Offsets in UTF-16 units of the text as it came. */
  z.object({ layer: z.string(), start: Offset, end: Offset }),
  z.object({ scope: UrlScope }),
]);
export type How = z.infer<typeof How>;

export const Hit = z.object({
  /** Opaque: an affected person can quote it in a dispute, and `breakwater undo` finds it again. */
  hit_ref: z.string().regex(/^h_[0-9a-f]{16,64}$/),
  /** `publisher/set`. */
  set: z.string(),
  publisher: Publisher,
  entry: EntryId,
  /** The release of the copy that was matched with. */
  release: z.int().positive(),
  kind: SetKind,
  how: How,
  /** In bits; 0 for what is the same. Absent where there is no distance. */
  distance: Offset.optional(),
  verification: z.object({ level: VerificationLevel, people: Offset, on: z.string() }),
  age_confirmed: z.boolean(),
  requested_action: z.union([RequestedAction, TermAction]),
  report_duty: ReportDuty,
  human_review: HumanReview,
  /** The set's TLP label. */
  handling: z.string(),
  action: MatchAction,
  why_not_block: WhyNotBlock.optional(),
  /** The publisher takes the entry back, for now or for good. */
  recalled: z.object({ recall: Offset, until: z.iso.datetime() }).optional(),
  /** What to do now, in words. */
  next: z.string(),
  /** Made-up data: nothing may follow. */
  test: z.boolean(),
});
export type Hit = z.infer<typeof Hit>;

/** Why something that was sent has not been compared: no hits, and no word that there is nothing. */
export const NOT_COMPARED = [
  "ambiguous",
  "copy_damaged",
  "copy_unusable",
  "cut_off",
  "entry_unreadable",
  "left_out",
  "no_set",
  "no_frames",
  "not_hashed",
  "quality_too_low",
  "too_long",
] as const;
export const NotCompared = z.object({
  what: z.enum(["hashes", "pdq", "vpdq", "text", "url"]),
  why: z.enum(NOT_COMPARED),
});
export type NotCompared = z.infer<typeof NotCompared>;

export const ItemProblem = z
  .object({ type: z.string(), title: z.string(), status: z.int(), code: z.string() })
  .catchall(z.unknown());

export const MatchedItem = z.union([
  z.object({
    ref: z.string().optional(),
    /** What may be acted on first, nearest first. */
    hits: z.array(Hit),
    not_compared: z.array(NotCompared).optional(),
  }),
  z.object({ ref: z.string().optional(), problem: ItemProblem }),
]);
export type MatchedItem = z.infer<typeof MatchedItem>;

/** In the order of the request. */
export const MatchAnswer = z.object({ items: z.array(MatchedItem) });
export type MatchAnswer = z.infer<typeof MatchAnswer>;

/** `POST /v1/match/media`: as one item, with the hashes that were made in memory. */
export const MediaAnswer = z.object({
  hits: z.array(Hit),
  not_compared: z.array(NotCompared).optional(),
  hashes: z.object({ ...MatchHashes.shape, pdq_missing: z.string().optional(), vpdq_missing: z.string().optional() }),
});
export type MediaAnswer = z.infer<typeof MediaAnswer>;

/** Why a copy that is there is not matched with: too old to keep, changed on this machine, of a newer program. */
export const UNUSABLE_CODES = ["copy_stale", "copy_damaged", "state_newer"] as const;
export type UnusableCode = (typeof UNUSABLE_CODES)[number];

export const Health = z.object({
  ok: z.boolean(),
  /** Seconds since the set that has waited longest was verified; null when of no set that is matched with it can be said. */
  oldest_s: z.number().nullable(),
  max_age_s: z.number(),
  sets: z.array(
    z.object({
      set: z.string(),
      kind: SetKind,
      release: z.int().positive(),
      entries: Offset,
      verified_at: z.string().nullable(),
      /** null when this machine's clock stands before the last verification. */
      age_s: z.number().nullable(),
      fresh: z.boolean(),
      /** How the newest check ended. */
      state: z.string().nullable(),
      /** Past the set's own `act_stale`, or of no known age: its hits ask for review. */
      for_review: z.boolean(),
      /** Why no age can be told, in one sentence. */
      why: z.string().optional(),
    }),
  ),
  /** Copies that are there and not matched with. */
  unusable: z.array(z.object({ set: z.string(), code: z.enum(UNUSABLE_CODES) })),
});
export type Health = z.infer<typeof Health>;
