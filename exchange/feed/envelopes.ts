/** Release envelopes as answers: the bytes that were signed, with their digest as the entity tag. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { ENVELOPE_CONTENT_TYPE, RELEASE_HEADER } from "@breakwater/shared/wire/sets.ts";
import type { Context } from "hono";
import type { Env } from "../platform/deps.ts";
import { isCurrent } from "../platform/http.ts";
import type { ReleaseRow } from "../sets/index.ts";

/** A head is asked for anew each time; a release never changes. Never `public`: who may read is decided per caller. */
const REVALIDATE = "private, no-cache";
const IMMUTABLE = "private, max-age=31536000, immutable";

/** @throws ExchangeError `not_found` */
export function envelopeResponse(
  c: Context<Env>,
  row: ReleaseRow | undefined,
  { immutable }: { immutable: boolean },
): Response {
  if (row === undefined) throw new ExchangeError("not_found");
  const headers = {
    ETag: `"${row.digest}"`,
    "Cache-Control": immutable ? IMMUTABLE : REVALIDATE,
    [RELEASE_HEADER]: String(row.release),
  };
  if (isCurrent(c.req.header("if-none-match"), row.digest)) return c.body(null, 304, headers);
  return c.body(Uint8Array.from(row.envelope), 200, { ...headers, "Content-Type": ENVELOPE_CONTENT_TYPE });
}
