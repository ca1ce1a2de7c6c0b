/** Resume positions: opaque to whoever holds them, useless in another set and after a restore. */

import { base64urlOf, findBase64url, utf8Of } from "@breakwater/shared/bytes.ts";
import { Publisher, SetName } from "@breakwater/shared/ids.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";

export const CURSOR_MAX_CHARS = 1_024;
/** In a query. */
export const CursorText = z.string().max(CURSOR_MAX_CHARS).optional();

const ChangesCursor = z.strictObject({
  epoch: z.string().max(128),
  seq: z.int().nonnegative(),
  set: z.string().max(400),
});
export type ChangesCursor = z.infer<typeof ChangesCursor>;
const CatalogueCursor = z.strictObject({ publisher: Publisher, set: SetName });
export type CatalogueCursor = z.infer<typeof CatalogueCursor>;

export function formatCursor(cursor: ChangesCursor | CatalogueCursor): string {
  return base64urlOf(utf8Of(jcs(cursor)));
}

/** @throws ExchangeError `cursor_invalid` (not ours, or another set's), `cursor_expired` (from before a restore) */
export function parseChangesCursor(text: string, { set, epoch }: { set: string; epoch: string }): ChangesCursor {
  const cursor = parseAs(ChangesCursor, text);
  if (cursor.set !== set) throw new ExchangeError("cursor_invalid", { reason: "set" });
  if (cursor.epoch !== epoch) throw new ExchangeError("cursor_expired");
  return cursor;
}

/** @throws ExchangeError `cursor_invalid` */
export function parseCatalogueCursor(text: string): CatalogueCursor {
  return parseAs(CatalogueCursor, text);
}

function parseAs<Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> {
  const bytes = text.length > CURSOR_MAX_CHARS ? undefined : findBase64url(text);
  if (bytes === undefined) throw new ExchangeError("cursor_invalid");
  let value: unknown;
  try {
    value = parseJcs(bytes);
  } catch (cause) {
    throw new ExchangeError("cursor_invalid", {}, { cause });
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new ExchangeError("cursor_invalid");
  return result.data;
}
