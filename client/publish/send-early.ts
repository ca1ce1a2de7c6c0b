/** Blobs on their way while the rest of the release is still being composed: what has arrived need not be sent later. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import type { Exchange } from "../http/index.ts";

/** Each holds its bytes, and composing is to have the machine. */
const EARLY_AT_ONCE = 2;

export type EarlySender = {
  /** A blob that is kept by now. Nobody waits for it. */
  offer(digest: Digest): void;
  /** No other is begun. */
  stop(): void;
  /**
   * Stops.
   *
   * @returns what has arrived, once those under way have ended
   */
  end(): Promise<ReadonlySet<Digest>>;
};

/**
 * What fails here is sent in its turn, and told then: a network that is away must not keep a release from being composed.
 *
 * @param read - a kept blob's bytes
 */
export function openEarlySender(
  { putBlob }: Pick<Exchange, "putBlob">,
  read: (digest: Digest) => Promise<Uint8Array>,
): EarlySender {
  const waiting: Digest[] = [];
  const arrived = new Set<Digest>();
  const underWay = new Set<Promise<void>>();
  let isOver = false;

  async function sendWaiting(): Promise<void> {
    for (let digest = waiting.shift(); digest !== undefined && !isOver; digest = waiting.shift()) {
      await putBlob(digest, await read(digest));
      arrived.add(digest);
    }
  }

  return {
    offer(digest) {
      waiting.push(digest);
      if (isOver || underWay.size >= EARLY_AT_ONCE) return;
      const sending: Promise<void> = sendWaiting().then(
        () => void underWay.delete(sending),
        () => {
          isOver = true;
          underWay.delete(sending);
        },
      );
      underWay.add(sending);
    },
    stop() {
      isOver = true;
    },
    async end() {
      isOver = true;
      await Promise.all(underWay);
      return arrived;
    },
  };
}
