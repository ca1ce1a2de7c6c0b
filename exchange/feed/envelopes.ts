/** Release envelopes as answers: the bytes that were signed, with their digest as the entity tag. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { ENVELOPE_CONTENT_TYPE, RECALL_HEADER, RELEASE_HEADER } from "@breakwater/shared/wire/sets.ts";
import type { Context } from "hono";
import type { Env } from "../platform/deps.ts";
import { isCurrent } from "../platform/http.ts";
import type { ReleaseRow } from "../sets/index.ts";

/** A head is asked for anew each time; a release never changes. Never `public`: who may read is decided per caller. */
const REVALIDATE = "private, no-cache";
const IMMUTABLE = "private, max-age=31536000, immutable";

/**
 * @param recall - for a head: the set's newest recall. It is part of the entity tag, so that one conditional request
 *   tells of a release and of a recall alike
 * @throws ExchangeError `not_found`
 */
export function envelopeResponse(
  c: Context<Env>,
  row: ReleaseRow | undefined,
  { immutable, recall = 0 }: { immutable: boolean; recall?: number },
): Response {
  if (row === undefined) throw new ExchangeError("not_found");
  const tag = recall === 0 ? row.digest : `${row.digest}-r${recall}`;
  const headers = {
    ETag: `"${tag}"`,
    "Cache-Control": immutable ? IMMUTABLE : REVALIDATE,
    [RELEASE_HEADER]: String(row.release),
    ...(immutable ? {} : { [RECALL_HEADER]: String(recall) }),
  };
  if (isCurrent(c.req.header("if-none-match"), tag)) return c.body(null, 304, headers);
  return c.body(Uint8Array.from(row.envelope), 200, { ...headers, "Content-Type": ENVELOPE_CONTENT_TYPE });
}
