/** One file's body in one piece of memory, taken out of the budget before it is filled: what all hold at once is known. */

import type { IncomingMessage } from "node:http";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Budget } from "./http-body.ts";
import { RETRY_AFTER_SECONDS } from "./limits.ts";

/**
 * A body that says its length takes that much room, since more of it is never read; one that does not takes room as it comes.
 *
 * @returns the bytes; their room in the budget is given back by `release`
 * @throws ExchangeError `request_too_large` with `max_bytes`, `busy`
 */
export async function readMedia(
  request: Pick<IncomingMessage, "headers" | "iterator">,
  maxBytes: number,
  budget: Budget,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; release: () => void }> {
  const said = request.headers["content-length"];
  const most = said === undefined ? maxBytes : Number(said);
  if (!(most <= maxBytes)) throw new ExchangeError("request_too_large", { max_bytes: maxBytes });
  let held = 0;
  const release = () => {
    budget.give(held);
    held = 0;
  };
  let whole = new Uint8Array(0);
  let size = 0;
  const grow = (room: number) => {
    if (!budget.take(room - held)) throw new ExchangeError("busy", { retry_after_s: RETRY_AFTER_SECONDS });
    held = room;
    const before = whole;
    whole = new Uint8Array(room);
    whole.set(before.subarray(0, size));
    // While both are there, they are no more than the room: it at least doubles, and pages without bytes cost nothing.
    before.fill(0);
    before.buffer.transfer(0);
  };
  try {
    if (said !== undefined) grow(most);
    // Leaving early must not cut the connection: the refusal has yet to go out on it.
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const needed = size + part.length;
      if (needed > most) throw new ExchangeError("request_too_large", { max_bytes: maxBytes });
      if (needed > whole.length) grow(Math.min(most, Math.max(2 * whole.length, needed)));
      whole.set(part, size);
      size = needed;
    }
  } catch (error) {
    whole.fill(0, 0, size);
    release();
    if (error instanceof ExchangeError) throw error;
    // No memory for it now; what others hold will be given back.
    if (error instanceof RangeError) throw new ExchangeError("busy", { retry_after_s: RETRY_AFTER_SECONDS });
    throw new ExchangeError("request_invalid", { reason: "cut_off" });
  }
  return { bytes: whole.subarray(0, size), release };
}
