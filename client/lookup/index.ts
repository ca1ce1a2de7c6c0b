/** Public face of private lookup: exact hashes against an exchange's lists, without a copy and without saying which hash. */

export { LOOKUP_LIMITS, type LookedUp, type LookupHit, type LookupOptions, lookupHashes } from "./lookup.ts";
export { type ExactHash, parseExactHash } from "./parse-hash.ts";
