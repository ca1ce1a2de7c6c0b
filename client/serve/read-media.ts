/** One file's body in one piece of memory, taken out of the budget before the first byte comes: what all hold at once is known. */

import type { IncomingMessage } from "node:http";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Budget } from "./http-body.ts";
import { RETRY_AFTER_SECONDS } from "./limits.ts";

/**
 * A body that says its length takes that much room, since more of it is never read; one that does not, all it may have.
 *
 * @returns the bytes; their room in the budget is given back by `release`
 * @throws ExchangeError `request_too_large` with `max_bytes`, `busy`
 */
export async function readMedia(
  request: IncomingMessage,
  maxBytes: number,
  budget: Budget,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; release: () => void }> {
  const said = request.headers["content-length"];
  const room = said === undefined ? maxBytes : Number(said);
  if (!(room <= maxBytes)) throw new ExchangeError("request_too_large", { max_bytes: maxBytes });
  if (!budget.take(room)) throw new ExchangeError("busy", { retry_after_s: RETRY_AFTER_SECONDS });
  let isHeld = true;
  const release = () => {
    if (isHeld) budget.give(room);
    isHeld = false;
  };
  // Pages that nothing is written to cost nothing: room that was taken for an unknown length is no memory yet.
  const whole = new Uint8Array(room);
  let size = 0;
  try {
    // Leaving early must not cut the connection: the refusal has yet to go out on it.
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (size + part.length > room) throw new ExchangeError("request_too_large", { max_bytes: maxBytes });
      whole.set(part, size);
      size += part.length;
    }
  } catch (error) {
    whole.fill(0, 0, size);
    release();
    if (error instanceof ExchangeError) throw error;
    throw new ExchangeError("request_invalid", { reason: "cut_off" });
  }
  return { bytes: whole.subarray(0, size), release };
}
