/** A hashed file as a question: what of its hashes can be compared. */

import type { MatchHashes } from "@breakwater/shared/wire/match.ts";
import type { HashedFile } from "../media/index.ts";

export function hashesOf({ md5, sha1, sha256, pdq }: HashedFile): MatchHashes {
  return { md5, sha1, sha256, ...(pdq === undefined ? {} : { pdq }) };
}
