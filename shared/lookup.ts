/** Private lookup of exact hashes as bytes: the tag of a hash, the bucket it lies in, how buckets are sized, and a bucket's records. */

import { type Bytes, concatBytes, equalBytes, sha256, utf8Of } from "./bytes.ts";
import { ExchangeError } from "./problem.ts";
import { HUMAN_REVIEWS, REPORT_DUTIES, REQUESTED_ACTIONS, VERIFICATION_LEVELS } from "./vocab/entries.ts";
import { codesOf } from "./vocab/vocabulary.ts";

/** First line of what is hashed: another version gives other tags. */
export const LOOKUP_DOMAIN = "bw-lookup-v1";
/** Equal or not equal. Perceptual hashes are near or far, and a prefix of one says nothing about what is near it. */
export const LOOKUP_ALGS = ["md5", "sha1", "sha256", "sha512"] as const;
export type LookupAlg = (typeof LOOKUP_ALGS)[number];

/** Of a tag, what a record holds: two different hashes share it once in 2¹²⁸. */
export const TAG_BYTES = 16;
const MASK_BYTES = 4;
const CODE_BYTES = 4;
export const RECORD_BYTES = TAG_BYTES + MASK_BYTES + CODE_BYTES;

/** A bucket holds so many entries or more: what an answer is lost among. */
const ENTRIES_A_BUCKET = 256;
/** However many entries there are: with more bits, a bucket would say too much of who asks (integrity: uploads a bucket). */
export const LOOKUP_BITS_MAX = 16;
const PAD_STEP = 64;
/** With this probability no bucket of a fresh list is fuller than the padded size. */
const PAD_CONFIDENCE = 0.99;

export function isLookupAlg(alg: string): alg is LookupAlg {
  return (LOOKUP_ALGS as readonly string[]).includes(alg);
}

/** The first {@link TAG_BYTES} of SHA-256("bw-lookup-v1" LF alg LF digest bytes). */
export async function lookupTag(alg: LookupAlg, digest: Uint8Array): Promise<Bytes> {
  const whole = await sha256(concatBytes([utf8Of(`${LOOKUP_DOMAIN}\n${alg}\n`), digest]));
  return whole.slice(0, TAG_BYTES);
}

/** How many leading bits of a tag name its bucket, for a list of `entries`: ⌊log₂(entries / 256)⌋, from 0 to 16. */
export function lookupBits(entries: number): number {
  return Math.min(LOOKUP_BITS_MAX, Math.max(0, Math.floor(Math.log2(Math.max(1, entries) / ENTRIES_A_BUCKET))));
}

/**
 * How many records every bucket is padded to: no bucket is larger with 99 % probability (hashes fall like Poisson's
 * drops), rounded up to whole steps, so that the size tells the list's size only roughly.
 */
export function lookupPad(entries: number, bits: number): number {
  const buckets = 2 ** bits;
  const mean = Math.max(1, entries) / buckets;
  return Math.ceil(largestOf(mean, buckets) / PAD_STEP) * PAD_STEP;
}

/** The smallest k with P(every one of `buckets` Poisson draws ≤ k) ≥ {@link PAD_CONFIDENCE}. */
function largestOf(mean: number, buckets: number): number {
  const allowed = 1 - PAD_CONFIDENCE ** (1 / buckets);
  // ln of the probability of exactly k, carried upwards; terms far above the mean vanish.
  const top = Math.ceil(mean + 12 * Math.sqrt(mean) + 24);
  const probabilities: number[] = [];
  for (let k = 0, ln = -mean; k <= top; k++, ln += Math.log(mean / k)) probabilities.push(Math.exp(ln));
  let tail = 0;
  for (let k = top; k > 0; k--) {
    tail += probabilities[k] as number;
    if (tail > allowed) return k;
  }
  return 0;
}

/** The bucket of a tag: its first `bits` bits as a number. */
export function lookupPrefix(tag: Uint8Array, bits: number): number {
  const first = ((tag[0] as number) << 8) | (tag[1] as number);
  return first >>> (LOOKUP_BITS_MAX - bits);
}

const ACTIONS = codesOf(REQUESTED_ACTIONS);
const DUTIES = codesOf(REPORT_DUTIES);
const REVIEWS = codesOf(HUMAN_REVIEWS);
const LEVELS = codesOf(VERIFICATION_LEVELS);

/** What a record says of its entries besides who lists them. Undefined: a word that this version does not know. */
export type LookupCode = {
  /** Taken back by the publisher for now: show it to a person, never act on it alone. */
  recalled: boolean;
  /** Made-up data. */
  test: boolean;
  requestedAction: (typeof ACTIONS)[number] | undefined;
  reportDuty: (typeof DUTIES)[number] | undefined;
  humanReview: (typeof REVIEWS)[number] | undefined;
  verification: (typeof LEVELS)[number] | undefined;
  /** Which 32 sets the mask is about. */
  group: number;
};

/**
 * Where each fact lies in the 32 bits of a code. Words are counted from 1 in the order of their vocabulary, which
 * therefore only ever grows at its end; 0 is a word that whoever wrote the record did not know.
 */
export const LOOKUP_CODE = {
  recalled: { shift: 0, bits: 1 },
  test: { shift: 1, bits: 1 },
  requestedAction: { shift: 2, bits: 4, words: ACTIONS },
  reportDuty: { shift: 6, bits: 2, words: DUTIES },
  humanReview: { shift: 8, bits: 2, words: REVIEWS },
  verification: { shift: 10, bits: 4, words: LEVELS },
  group: { shift: 16, bits: 16 },
} as const;
export const SETS_A_GROUP = 32;

export function readLookupCode(code: number): LookupCode {
  const field = (name: keyof typeof LOOKUP_CODE) => {
    const { shift, bits } = LOOKUP_CODE[name];
    return (code >>> shift) & (2 ** bits - 1);
  };
  return {
    recalled: field("recalled") === 1,
    test: field("test") === 1,
    requestedAction: ACTIONS[field("requestedAction") - 1],
    reportDuty: DUTIES[field("reportDuty") - 1],
    humanReview: REVIEWS[field("humanReview") - 1],
    verification: LEVELS[field("verification") - 1],
    group: field("group"),
  };
}

export type LookupRecord = { mask: number; code: number };

/** Which slots of the mask table a record names. */
export function slotsOf({ mask, code }: LookupRecord): number[] {
  const first = readLookupCode(code).group * SETS_A_GROUP;
  return Array.from({ length: SETS_A_GROUP }, (_, bit) => bit)
    .filter((bit) => ((mask >>> bit) & 1) === 1)
    .map((bit) => first + bit);
}

/**
 * The records of a tag in a bucket, the whole tag compared. Dummies look like records and are nobody's hash.
 *
 * @param size - bytes that the index says every bucket has
 * @param prefix - the bucket that was asked for
 * @throws ExchangeError `answer_invalid` when the bucket is of another size, not sorted, or another's
 */
export function findInBucket(
  bucket: Uint8Array,
  tags: readonly Uint8Array[],
  { size, bits, prefix }: { size: number; bits: number; prefix: number },
): LookupRecord[][] {
  if (bucket.length !== size || size % RECORD_BYTES !== 0)
    throw new ExchangeError("answer_invalid", { reason: "size" });
  const found = tags.map((): LookupRecord[] => []);
  const view = new DataView(bucket.buffer, bucket.byteOffset, bucket.length);
  let before: Uint8Array | undefined;
  for (let at = 0; at < bucket.length; at += RECORD_BYTES) {
    const tag = bucket.subarray(at, at + TAG_BYTES);
    if (lookupPrefix(tag, bits) !== prefix) throw new ExchangeError("answer_invalid", { reason: "prefix" });
    if (before !== undefined && compareBytes(before, tag) > 0) {
      throw new ExchangeError("answer_invalid", { reason: "order" });
    }
    before = tag;
    tags.forEach((wanted, i) => {
      if (equalBytes(wanted, tag)) {
        found[i]?.push({ mask: view.getUint32(at + TAG_BYTES), code: view.getUint32(at + TAG_BYTES + MASK_BYTES) });
      }
    });
  }
  return found;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
