/** The table of signal types: what each value looks like, how two compare, and which the exchange can compute. */
import type { Bytes } from "../bytes.ts";
import { ExchangeError } from "../problem.ts";
import { isPhotodna, isSsdeep, isTlsh, isTmk, isVpdq } from "./carried.ts";
import { equalMd5, formatMd5, MD5_BYTES, MD5_PATTERN, parseMd5 } from "./md5.ts";
import {
  distancePdq,
  formatPdq,
  PDQ_BYTES,
  PDQ_MATCH_THRESHOLD,
  PDQ_PATTERN,
  PDQ_QUALITY_FLOOR,
  parsePdq,
} from "./pdq.ts";
import { equalSha1, formatSha1, parseSha1, SHA1_BYTES, SHA1_PATTERN } from "./sha1.ts";
import { equalSha256, formatSha256, parseSha256, SHA256_BYTES, SHA256_PATTERN } from "./sha256.ts";
import { equalSha512, formatSha512, parseSha512, SHA512_BYTES, SHA512_PATTERN } from "./sha512.ts";

/** Every algorithm an entry may name, in the order lists show them. */
export const SIGNAL_ALGS = [
  "md5",
  "sha1",
  "sha256",
  "sha512",
  "pdq",
  "vpdq",
  "tmk",
  "tlsh",
  "ssdeep",
  "photodna",
] as const;
export type SignalAlg = (typeof SIGNAL_ALGS)[number];

type Parsed = {
  bytes: number;
  pattern: RegExp;
  parse: (text: unknown) => Bytes;
  format: (bytes: Uint8Array) => string;
};
/** Equal or not: a hash of the file's original bytes. */
export type ExactSignal = Parsed & { handling: "exact"; equal: (a: Uint8Array, b: Uint8Array) => boolean };
/** Near or far: comparable within `matchThreshold` (inclusive), and only at or above `qualityFloor`. */
export type PerceptualSignal = Parsed & {
  handling: "perceptual";
  distance: (a: Uint8Array, b: Uint8Array) => number;
  matchThreshold: number;
  qualityFloor: number;
};
/** Form is checked, value is passed on; never computed, never compared here. */
export type CarriedSignal = { handling: "carried"; isValue: (text: string) => boolean };
export type SignalType = ExactSignal | PerceptualSignal | CarriedSignal;

export const SIGNALS = {
  md5: {
    handling: "exact",
    bytes: MD5_BYTES,
    pattern: MD5_PATTERN,
    parse: parseMd5,
    format: formatMd5,
    equal: equalMd5,
  },
  sha1: {
    handling: "exact",
    bytes: SHA1_BYTES,
    pattern: SHA1_PATTERN,
    parse: parseSha1,
    format: formatSha1,
    equal: equalSha1,
  },
  sha256: {
    handling: "exact",
    bytes: SHA256_BYTES,
    pattern: SHA256_PATTERN,
    parse: parseSha256,
    format: formatSha256,
    equal: equalSha256,
  },
  sha512: {
    handling: "exact",
    bytes: SHA512_BYTES,
    pattern: SHA512_PATTERN,
    parse: parseSha512,
    format: formatSha512,
    equal: equalSha512,
  },
  pdq: {
    handling: "perceptual",
    bytes: PDQ_BYTES,
    pattern: PDQ_PATTERN,
    parse: parsePdq,
    format: formatPdq,
    distance: distancePdq,
    matchThreshold: PDQ_MATCH_THRESHOLD,
    qualityFloor: PDQ_QUALITY_FLOOR,
  },
  vpdq: { handling: "carried", isValue: isVpdq },
  tmk: { handling: "carried", isValue: isTmk },
  tlsh: { handling: "carried", isValue: isTlsh },
  ssdeep: { handling: "carried", isValue: isSsdeep },
  photodna: { handling: "carried", isValue: isPhotodna },
} as const satisfies Record<SignalAlg, SignalType>;

/** Whether a name is one of {@link SIGNAL_ALGS}. */
export function isSignalAlg(name: unknown): name is SignalAlg {
  return typeof name === "string" && Object.hasOwn(SIGNALS, name);
}

/** Whether `text` is a value of `alg` in its one accepted spelling. */
export function isSignalValue(alg: SignalAlg, text: string): boolean {
  const type: SignalType = SIGNALS[alg];
  return type.handling === "carried" ? type.isValue(text) : type.pattern.test(text);
}

/**
 * The value itself when it is one, for a schema's refinement or a list's row.
 *
 * @throws ExchangeError `signal_invalid` with the algorithm, never the value
 */
export function parseSignal(alg: SignalAlg, text: unknown): string {
  if (typeof text !== "string" || !isSignalValue(alg, text)) throw new ExchangeError("signal_invalid", { alg });
  return text;
}

export * from "./carried.ts";
export * from "./md5.ts";
export * from "./pdq.ts";
export * from "./sha1.ts";
export * from "./sha256.ts";
export * from "./sha512.ts";
