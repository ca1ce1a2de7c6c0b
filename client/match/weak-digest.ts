/** Whether a finding rests on a digest alone that two different files can be made to share, while nothing stronger agrees. */

import { asksToBlock } from "../controls/decide.ts";
import type { Found } from "./found.ts";
import type { ExactAlg } from "./hash-index.ts";

/** Whoever makes both files makes the digests equal: MD5 within seconds (RFC 6151), SHA-1 at a price many can pay (sha-mbles). */
const WEAK = new Set<string>(["md5", "sha1"] satisfies ExactAlg[]);
const CONFIRMS = new Set<string>(["sha256", "sha512", "pdq"] satisfies (ExactAlg | "pdq")[]);

/**
 * A harmless picture can be made together with a second file that has its MD5 and its SHA-1; once the second is listed, the
 * first hits wherever it is uploaded.
 *
 * @param beside - everything that was found for the same content
 */
export function restsOnWeakDigest(found: Found, beside: readonly Found[]): boolean {
  return WEAK.has(algOf(found)) && !beside.some((other) => confirms(other, found));
}

/**
 * What is stale, recalled, made up, beyond the act distance or to be looked at first could not be acted on itself, and vouches
 * for nothing: the harmless one of the two files may be listed too, for review.
 */
function confirms(other: Found, { publisher }: Found): boolean {
  if (other.kind !== "hash" || !CONFIRMS.has(algOf(other)) || other.publisher !== publisher) return false;
  return other.level === "act" && !other.test && asksToBlock(other.entry);
}

function algOf({ how }: Found): string {
  return "alg" in how ? how.alg : "";
}
