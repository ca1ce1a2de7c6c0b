/** Reads an answer's body under a ceiling, and gives up on one that stands still. */

import { type Bytes, concatBytes } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";

/**
 * The whole body.
 *
 * @throws ExchangeError `answer_too_large` as soon as more than `maxBytes` came or were announced, `fetch_failed` for a
 *   body that stopped, broke off or took too long
 */
export async function readBody(
  response: Response,
  maxBytes: number,
  idleTimeoutMs: number,
  deadline: AbortSignal,
): Promise<Bytes> {
  const announced = Number(response.headers.get("content-length") ?? 0);
  if (announced > maxBytes) {
    await response.body?.cancel();
    throw new ExchangeError("answer_too_large", { max_bytes: maxBytes });
  }
  if (response.body === null) return new Uint8Array(0);
  const reader = response.body.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await readInTime(reader, idleTimeoutMs);
      if (done) return concatBytes(parts);
      length += value.length;
      if (length > maxBytes) throw new ExchangeError("answer_too_large", { max_bytes: maxBytes });
      parts.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined); // the connection may be gone already; the first error is the one to tell
    if (error instanceof ExchangeError) throw error;
    throw new ExchangeError("fetch_failed", { reason: deadline.aborted ? "timeout" : "broken_off" });
  }
}

async function readInTime(reader: ReadableStreamDefaultReader<Uint8Array>, idleTimeoutMs: number) {
  let timer: NodeJS.Timeout | undefined;
  const stopped = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ExchangeError("fetch_failed", { reason: "idle" })), idleTimeoutMs);
  });
  try {
    return await Promise.race([reader.read(), stopped]);
  } finally {
    clearTimeout(timer);
  }
}
