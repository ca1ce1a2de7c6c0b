/** A whole set as a stream, in constant memory: one page of rows at a time, and only when the reader asks for it. */

import { utf8Of } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Deps } from "../platform/deps.ts";
import { isPurgedPast, listEntries } from "../sets/index.ts";

/** Rows held at once, about 500 kB of text. */
export const STREAM_PAGE_ROWS = 1_000;

/** @property format - what a page of entry lines becomes; never called with none */
export type EntriesFormat = { head: string; format: (lines: readonly string[]) => string };

export const NDJSON_LINES: EntriesFormat = { head: "", format: (lines) => `${lines.join("\n")}\n` };

/**
 * Pull-based on purpose: with a queue of its own, a reader that hangs up would leave the query running for minutes.
 *
 * @param head - the release shown from the first line to the last, whatever is published meanwhile
 */
export function streamEntries(
  deps: Deps,
  setId: number,
  head: number,
  { head: heading, format }: EntriesFormat,
): ReadableStream<Uint8Array> {
  let afterId = "";
  let text = heading;
  let settle: () => void = () => {};
  // The request's database client lives until this settles.
  deps.defer(new Promise<void>((resolve) => (settle = resolve)));
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const rows = await listEntries(deps, setId, { head, afterId, limit: STREAM_PAGE_ROWS });
          // A page may lack what was erased since; half a set that looks whole is worse than none.
          if (await isPurgedPast(deps, setId, head)) throw new ExchangeError("blob_gone");
          const last = rows.at(-1);
          if (last !== undefined) {
            afterId = last.id;
            text += format(rows.map(({ line }) => line));
          }
          if (text !== "") controller.enqueue(utf8Of(text));
          text = "";
          if (rows.length === STREAM_PAGE_ROWS) return;
          controller.close();
        } catch {
          // The answer has begun, so its only way to say "not whole" is to break off; the error itself may quote rows.
          controller.error(new Error("entries stream broke off"));
        }
        settle();
      },
      cancel: () => settle(),
    },
    { highWaterMark: 0 },
  );
}
