/** Answers in gzip for those who ask for it (RFC 9110 §12.5.3), streamed as they are pulled. */

import type { Context } from "hono";
import type { Env } from "../platform/deps.ts";

/**
 * Whether `Accept-Encoding` allows gzip.
 *
 * @param header - a list of codings with weights; `q=0` forbids, `*` stands for what is not named
 */
export function acceptsGzip(header: string | undefined): boolean {
  let other = false;
  for (const item of (header ?? "").split(",")) {
    const [coding = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const isAllowed = weight === undefined || Number(weight.slice("q=".length)) > 0;
    if (coding === "gzip" || coding === "x-gzip") return isAllowed;
    if (coding === "*") other = isAllowed;
  }
  return other;
}

/** The answer, packed when the caller takes it. @param body - null answers the headers alone (HEAD) */
export function packedResponse(
  c: Context<Env>,
  body: ReadableStream<Uint8Array> | string | null,
  headers: Record<string, string>,
): Response {
  if (!acceptsGzip(codingsOf(c))) return new Response(body, { headers });
  const plain = typeof body === "string" ? new Response(body).body : body;
  const packed = { ...headers, "Content-Encoding": "gzip" };
  // The bytes are packed here: a runtime that would do it by itself is told so (Workers), others do not know the word.
  const init = { headers: packed, encodeBody: "manual" } as ResponseInit;
  return new Response(plain === null ? null : gzipPulled(plain), init);
}

/**
 * What the caller accepts. Workers put a header of their own in place of the caller's and tell the caller's beside it; by
 * theirs, whoever did not ask would get gzip as well.
 */
function codingsOf(c: Context<Env>): string | undefined {
  const { cf } = c.req.raw as { cf?: { clientAcceptEncoding?: string } };
  return cf?.clientAcceptEncoding ?? c.req.header("accept-encoding");
}

/**
 * Gzip that takes from its source only while somebody waits for it.
 *
 * `pipeThrough` would not do: behind a pipe, a reader who hangs up is noticed late or never, and the source keeps its
 * database connection meanwhile.
 */
export function gzipPulled(source: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const gzip = new CompressionStream("gzip");
  const packed = gzip.readable.getReader();
  const plain = source.getReader();
  const writer = gzip.writable.getWriter();
  let waiting: Promise<ReadableStreamReadResult<Uint8Array>> | undefined;
  let feeding: Promise<void> | undefined;
  let ended = false;

  async function feed(): Promise<void> {
    const { done, value } = await plain.read();
    if (done) ended = true;
    await (done ? writer.close() : writer.write(value as Uint8Array<ArrayBuffer>));
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          waiting ??= packed.read();
          if (feeding === undefined && !ended) {
            feeding = feed().finally(() => {
              feeding = undefined;
            });
          }
          const result = await Promise.race(feeding === undefined ? [waiting] : [waiting, feeding]);
          if (result === undefined) continue;
          waiting = undefined;
          if (result.done) controller.close();
          else controller.enqueue(result.value);
          return;
        }
      },
      async cancel(reason) {
        // The compressor may be in the middle of something, and its end is of no interest.
        feeding?.catch(() => {});
        waiting?.catch(() => {});
        writer.abort(reason).catch(() => {});
        packed.cancel(reason).catch(() => {});
        await plain.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
