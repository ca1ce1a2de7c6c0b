// A hash set of any size at a double of an exchange, composed as it is read: entry n has the nth id and a value made from n.

import { createHash } from "node:crypto";
import type { Double } from "@breakwater/client/testing/double-exchange.ts";
import { makeDoublePublisher } from "@breakwater/client/testing/double-publisher.ts";
import { ASKS_TO_BLOCK, aboutOfKind, testHashEntry } from "@breakwater/client/testing/entries.ts";
import { composeRelease } from "@breakwater/shared/compose.ts";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { randomBytes } from "@breakwater/shared/ids.ts";
import { openRelease, signRelease } from "@breakwater/shared/release.ts";

export type LargeAlg = "sha256" | "pdq";

export const ACT_DISTANCE = 16;
export const REVIEW_DISTANCE = 31;

/** The hash of entry n, 32 bytes. */
export function hashOf(alg: LargeAlg, n: number): Buffer {
  return createHash("sha256").update(`${alg} of entry ${n}`).digest();
}

export function idOf(n: number): string {
  // The first digits count, so that lines come in the order of their ids; the rest is as random as a real one's.
  return n.toString(16).padStart(8, "0") + createHash("md5").update(`id ${n}`).digest("hex").slice(8);
}

export async function makeLargeSet(double: Double, alg: LargeAlg, size: number) {
  const distances = { act_distance: ACT_DISTANCE, review_distance: REVIEW_DISTANCE, quality_floor: 50 };
  const about = aboutOfKind("hash", { stream: "photographic", ...distances });
  const publisher = await makeDoublePublisher(double, `real.example/${alg}`, about);
  const set = double.store.getSet(publisher.setId);
  const sample = formatEntry(testHashEntry(0, { alg, ...ASKS_TO_BLOCK }));
  const { id, value } = JSON.parse(sample) as { id: string; value: string };
  const lineOf = (n: number) => sample.replace(id, idOf(n)).replace(value, hashOf(alg, n).toString("hex"));
  function* lines() {
    for (let n = 0; n < size; n++) yield lineOf(n);
  }
  return {
    ...publisher,
    newest: () => set.releases.length,
    /** The next release: the first holds everything, a later one says so many entries again. */
    async publish(puts = 0, isSnapshot = false): Promise<void> {
      const previous = set.releases.at(-1);
      const composed = await composeRelease({
        ...(previous === undefined ? {} : { previous }),
        ...(isSnapshot ? { purpose: "erasure" as const } : {}),
        entries: { count: size, lines },
        changes: Array.from({ length: puts }, (_, n) => ({
          op: "put" as const,
          line: lineOf(n * Math.floor(size / puts)),
        })),
        about,
        publisher: publisher.setId.publisher,
        set: publisher.setId.set,
        rootVersion: publisher.root.root.version,
        now: Math.floor(Date.now() / 1000),
        random: randomBytes,
      });
      for (const { digest, bytes } of composed.blobs) double.store.blobs.set(digest, bytes);
      const envelope = await signRelease(composed.statement, [publisher.releaseKey]);
      await double.store.append(set, { ...(await openRelease(envelope, publisher.root)), manifest: composed.manifest });
    },
  };
}
