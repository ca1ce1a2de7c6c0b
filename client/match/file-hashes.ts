/** A hashed file as a question: what of its hashes can be compared, and what of it could not be hashed. */

import { hexOf } from "@breakwater/shared/bytes.ts";
import type { MatchHashes, NotCompared } from "@breakwater/shared/wire/match.ts";
import type { HashedFile } from "../media/index.ts";

export function hashesOf({ md5, sha1, sha256, pdq, vpdq }: HashedFile): MatchHashes {
  return {
    md5,
    sha1,
    sha256,
    ...(pdq === undefined ? {} : { pdq }),
    ...(vpdq === undefined ? {} : { vpdq: vpdq.frames.map(({ hash, quality }) => ({ hash: hexOf(hash), quality })) }),
  };
}

/** A picture or video of which only the digests are known was not looked for in any other form: re-encoded copies are missed. */
export function notHashed({ media_type, pdq, vpdq }: HashedFile): NotCompared[] {
  if (media_type === "image" && pdq === undefined) return [{ what: "pdq", why: "not_hashed" }];
  if (media_type === "video" && vpdq === undefined) return [{ what: "vpdq", why: "not_hashed" }];
  if (vpdq?.whole === false) return [{ what: "vpdq", why: "too_long" }];
  return [];
}
