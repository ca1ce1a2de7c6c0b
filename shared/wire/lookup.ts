/** Answers of private lookup: which indexes there are, whose sets their records name, and what operators see of its use. */

import { z } from "zod";
import { Publisher, SetName } from "../ids.ts";
import { LOOKUP_ALGS, LOOKUP_BITS_MAX, RECORD_BYTES } from "../lookup.ts";
import { Stream, Tier } from "../vocab/sets.ts";
import { MemberName, Tier as MemberTier } from "./members.ts";

const Count = z.int().nonnegative();
const At = z.iso.datetime({ offset: true });

/** A coarser index is the same list with this many bits less: larger answers that say less of who asks. */
export const LOOKUP_COARSER_MAX = 4;
export const BUCKET_CONTENT_TYPE = "application/vnd.breakwater.lookup-bucket";
/** The index that holds what a member of a tier may see, or one set's own, open to those whom its publisher names. */
export const LOOKUP_INDEX_PATTERN =
  /^(?:test|agreed|vetted|named\.[a-z0-9.-]{1,253}\.[a-z0-9][a-z0-9-]{0,62})-b(?:\d|1[0-6])$/;
export const LookupIndexName = z.string().max(340).regex(LOOKUP_INDEX_PATTERN);

/** One bit of a record's mask. Slot `s` is bit `s mod 32` of records whose code names group `s div 32`. */
export const LookupSlot = z.object({
  slot: Count,
  publisher: Publisher,
  set: SetName,
  stream: Stream,
  /** The release that this epoch shows. */
  release: Count,
  /** The publisher has taken entries back that the records do not say yet: no hit in this set is acted on alone. */
  review_only: z.boolean(),
});
export type LookupSlot = z.infer<typeof LookupSlot>;

export const LookupIndex = z.object({
  /** As in the path of its buckets; ends in `-b` and {@link LookupIndex.bits}. */
  index: LookupIndexName,
  tier: Tier,
  epoch: z.int().positive(),
  /** After this its buckets are not believed any more; there is a newer epoch long before. */
  ends_at: At,
  bits: z.int().min(0).max(LOOKUP_BITS_MAX),
  /** The bits that may be asked for instead: each one less doubles the answer. */
  bits_min: z.int().min(0).max(LOOKUP_BITS_MAX),
  /** Records of every bucket at `bits`. */
  records: z.int().positive(),
  record_bytes: z.literal(RECORD_BYTES),
  algs: z.array(z.enum(LOOKUP_ALGS)),
  sets: z.array(LookupSlot),
  /** Buckets a member may ask for in a day (UTC), and how many are left. */
  budget: Count,
  left: Count,
});
export type LookupIndex = z.infer<typeof LookupIndex>;

/** `GET /v1/lookup`: the indexes that the caller may ask. */
export const LookupIndexes = z.object({ indexes: z.array(LookupIndex) });
export type LookupIndexes = z.infer<typeof LookupIndexes>;

/** What is said of a member's lookups: counts, never what was asked. */
export const LookupUse = z.object({
  member: MemberName,
  tier: MemberTier,
  index: z.string(),
  day: z.iso.date(),
  /** Buckets answered, and how many different ones. */
  asked: Count,
  distinct: Count,
  refused: Count,
  budget: Count,
  /** All buckets of the index that day. */
  buckets: z.int().positive(),
  /** Fewer repeats than chance gives: somebody goes through the list. */
  probing: z.boolean(),
  /** Different buckets of the last 30 days, summed over days, as a share of the index: from 1 on, the list may have been copied. */
  share_30d: z.number().nonnegative(),
});
export type LookupUse = z.infer<typeof LookupUse>;

/** `GET /v1/operator/lookups`: the last days, those who probe first. */
export const OperatorLookups = z.object({ uses: z.array(LookupUse) });
export type OperatorLookups = z.infer<typeof OperatorLookups>;
