/** What differs from entry to entry inside one shape: where each such value stands in a line, and the form it must have. */

import { isSignalValue, PDQ_BITS, PDQ_QUALITY_FLOOR, PDQ_QUALITY_MAX } from "../signals/index.ts";
import { DateText, TimeText } from "../text.ts";
import type { SetKind } from "../vocab/sets.ts";
import { HASH_VALUE_MAX_CHARS, type HashEntry, hashNaturalKey } from "./hash.ts";
import type { EntryByKind } from "./index.ts";
import { canonicalUrl, type UrlEntry, urlNaturalKey } from "./url.ts";

/**
 * One value. `fits` accepts only what the schema accepts for every entry of the shape, and no text that JSON would
 * escape; what it does not accept is not refused by that, but left to the schema.
 *
 * @property after - text that comes first, where the member's name stands in two places
 */
export type Mask = {
  after?: string;
  opening: string;
  quoted: boolean;
  fits: (text: string, like: Governing) => boolean;
};
/** The members of a shape, by kind, that say which form a masked value has. */
type Governing = Pick<HashEntry, "alg"> & Pick<UrlEntry, "scope">;

const REMEMBERED_MAX = 4096;
const HEX_32 = /^[0-9a-f]{32}$/;
const HEX_DIGEST = /^sha256:[0-9a-f]{64}$/;
const COUNTING = /^(?:0|[1-9][0-9]{0,3})$/;
// Printable ASCII without space, quote and backslash.
const PLAIN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** A list has few dates; asking the schema once for each is enough. */
function remembering(judge: (text: string) => boolean): (text: string) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    let verdict = known.get(text);
    if (verdict === undefined) {
      verdict = PLAIN.test(text) && judge(text);
      if (known.size >= REMEMBERED_MAX) known.clear();
      known.set(text, verdict);
    }
    return verdict;
  };
}

function isBetween(text: string, min: number, max: number): boolean {
  return COUNTING.test(text) && Number(text) >= min && Number(text) <= max;
}

function isSpelled(url: string, scope: UrlEntry["scope"]): boolean {
  try {
    return canonicalUrl(url, scope) === url;
  } catch {
    return false; // the schema says why
  }
}

const quotedMask = (name: string, fits: Mask["fits"]): Mask => ({
  opening: `"${name}":"`,
  quoted: true,
  fits,
});
const isDate = remembering((text) => DateText.safeParse(text).success);
const isTime = remembering((text) => TimeText.safeParse(text).success);
const isHexId = (text: string) => HEX_32.test(text);

const EXPIRES = quotedMask("expires_at", isTime);
const ID = quotedMask("id", isHexId);
const VERIFIED_ON: Mask = { ...quotedMask("on", isDate), after: '"verification":{' };

/** In the order of their members' names, which is the order in a canonical line. */
const HASH_MASKS: Mask[] = [
  { ...quotedMask("on", isDate), after: '"age_confirmed":{' },
  {
    opening: '"ambiguous_bits":',
    quoted: false,
    fits: (text) => isBetween(text, 0, PDQ_BITS),
  },
  EXPIRES,
  ID,
  quotedMask("item", isHexId),
  {
    opening: '"quality":',
    quoted: false,
    fits: (text) => isBetween(text, PDQ_QUALITY_FLOOR, PDQ_QUALITY_MAX),
  },
  quotedMask("series", isHexId),
  quotedMask("value", (text, { alg }) => text.length <= HASH_VALUE_MAX_CHARS && isSignalValue(alg, text)),
  VERIFIED_ON,
];
const HASH_ID_AT = HASH_MASKS.indexOf(ID);
const HASH_VALUE_AT = HASH_MASKS.length - 2;

const URL_MASKS: Mask[] = [
  EXPIRES,
  ID,
  quotedMask("url", (text, { scope }) => PLAIN.test(text) && isSpelled(text, scope)),
  quotedMask("url_digest", (text) => HEX_DIGEST.test(text)),
  VERIFIED_ON,
];
const URL_ID_AT = URL_MASKS.indexOf(ID);
const [URL_AT, URL_DIGEST_AT] = [2, 3];

/** Terms and indicators are thousands, and their texts are looked at by rules that tie them to other members: no masks. */
export const MASKS_BY_KIND: Record<SetKind, readonly Mask[]> = {
  hash: HASH_MASKS,
  term: [],
  url: URL_MASKS,
  indicator: [],
};

type Keyed = { id: string; key: string };
type Masked = (mask: number) => string | undefined;

/** Id and natural key of an accepted line, from its masked values and its shape. */
export const KEYS_BY_KIND: { [Kind in SetKind]?: (like: EntryByKind[Kind], masked: Masked) => Keyed } = {
  hash: ({ alg }, masked) => ({
    id: masked(HASH_ID_AT) as string,
    key: hashNaturalKey({ alg, value: masked(HASH_VALUE_AT) as string }),
  }),
  url: ({ scope }, masked) => {
    const url = masked(URL_AT);
    const url_digest = masked(URL_DIGEST_AT) as UrlEntry["url_digest"];
    return {
      id: masked(URL_ID_AT) as string,
      key: urlNaturalKey(url === undefined ? { scope, url_digest } : { scope, url }),
    };
  },
};
