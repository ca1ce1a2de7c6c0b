// Reads a file's bytes from what the browser already holds. It never asks the site again.
import type { UnreadReason } from "./reading.ts";

export class Unreadable extends Error {
  readonly why: UnreadReason;
  constructor(why: UnreadReason) {
    super(why);
    this.why = why;
  }
}

/** Made in the page (`blob:`, `data:`) or served by the page's own site; anything else the browser refuses to show us. */
export function isWithinReach(address: string, pageOrigin: string): boolean {
  if (/^(blob|data):/i.test(address)) return true;
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) && new URL(address).origin === pageOrigin;
}

/**
 * `only-if-cached` is the whole point: a plain fetch would load the file a second time, which tells the server
 * that somebody looks, may bring other bytes, and makes one more copy of what should not be copied.
 */
function requestInit(address: string, signal: AbortSignal): RequestInit {
  if (/^(blob|data):/i.test(address)) return { signal };
  return { signal, cache: "only-if-cached", mode: "same-origin", credentials: "same-origin", redirect: "follow" };
}

export async function readHeldBytes(
  address: string,
  limits: { maxBytes: number; signal: AbortSignal },
  fetchHeld: typeof fetch = fetch,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!isWithinReach(address, location.origin)) throw new Unreadable("other_site");
  const response = await fetchHeld(address, requestInit(address, limits.signal)).catch((error: unknown) => {
    throw new Unreadable((error as Error)?.name === "AbortError" ? "timed_out" : "not_kept");
  });
  // 206 is a part of a video; 504 is the browser's word for "not in the cache".
  if (response.status !== 200 || !response.body) throw new Unreadable("not_kept");
  return await collectBytes(response.body, limits.maxBytes);
}

/** Counts while it reads: a length header is a claim. */
export async function collectBytes(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      total += value.byteLength;
      parts.push(value);
      if (total > maxBytes) throw new Unreadable("too_large");
    }
    const all = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.byteLength;
    }
    return all;
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    throw error;
  } finally {
    for (const part of parts) part.fill(0);
  }
}
