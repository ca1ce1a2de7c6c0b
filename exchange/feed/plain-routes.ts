/** The plain feed over HTTP, for a script and a small company: changes a page at a time, and whole sets as NDJSON or CSV. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { CHANGES_DEFAULT_LIMIT, CHANGES_MAX_LIMIT, ChangesPage } from "@breakwater/shared/wire/sets.ts";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { requireCaller } from "../members/index.ts";
import type { Env } from "../platform/deps.ts";
import { describe, params, query } from "../platform/http.ts";
import { getReadableHead, noteReader, SetPath, type SetRow } from "../sets/index.ts";
import { changesPage, startOf } from "./changes.ts";
import { headHeaders, isHeld } from "./conditional.ts";
import { CursorText } from "./cursor.ts";
import { CSV, entriesCsv } from "./entries-csv.ts";
import { type EntriesFormat, NDJSON_LINES, streamEntries } from "./entries-stream.ts";
import { packedResponse } from "./packing.ts";

const reader = requireCaller({ scopes: ["read"], roles: "any" });
const ChangesQuery = z.object({
  cursor: CursorText,
  limit: z.coerce.number().int().min(1).max(CHANGES_MAX_LIMIT).default(CHANGES_DEFAULT_LIMIT),
});
const NDJSON = "application/x-ndjson";
const JSON_TYPE = "application/json";

export const plainFeed = new Hono<Env>()
  .get(
    "/v1/sets/:publisher/:set/changes",
    describe({
      tag: "reading",
      summary: "The newest state of each entry, in the order of change; the cursor says where to go on, also later",
      auth: ["key", "person"],
      answers: { 200: ChangesPage, 304: null },
      problems: ["cursor_expired", "cursor_invalid", "not_found", "query_invalid"],
    }),
    reader,
    params(SetPath),
    query(ChangesQuery),
    async (c) => {
      const setId = c.req.valid("param");
      const { row, epoch } = await getReadableHead(c.var.deps, c.var.caller, setId);
      const asked = { set: formatSetId(setId), epoch, ...c.req.valid("query") };
      const afterSeq = startOf(asked);
      noteReader(c.var.deps, c.var.caller, row);
      if (isHeld(c, row, epoch)) return c.body(null, 304, headHeaders(row, epoch));
      const headers = { ...headHeaders(row, epoch), "Content-Type": JSON_TYPE };
      if (c.req.method === "HEAD") return packedResponse(c, null, headers);
      return packedResponse(c, await changesPage(c.var.deps, row, { ...asked, afterSeq }), headers);
    },
  )
  .get(
    "/v1/sets/:publisher/:set/entries.ndjson",
    describe({
      tag: "reading",
      summary: "All entries of the newest release, one a line, by id",
      auth: ["key", "person"],
      answers: { 200: NDJSON, 304: null },
      problems: ["not_found"],
    }),
    reader,
    params(SetPath),
    async (c) => wholeSet(c, c.req.valid("param"), () => ({ type: NDJSON, format: NDJSON_LINES })),
  )
  .get(
    "/v1/sets/:publisher/:set/entries.csv",
    describe({
      tag: "reading",
      summary: "All entries of the newest release as CSV with a header, by id; the columns are those of the kind",
      auth: ["key", "person"],
      answers: { 200: CSV, 304: null },
      problems: ["not_found"],
    }),
    reader,
    params(SetPath),
    async (c) => wholeSet(c, c.req.valid("param"), ({ kind }) => ({ type: CSV, format: entriesCsv(kind) })),
  ) as unknown as Hono<Env>;

type SetId = z.infer<typeof SetPath>;

async function wholeSet(
  c: Context<Env>,
  setId: SetId,
  formatOf: (row: SetRow) => { type: string; format: EntriesFormat },
): Promise<Response> {
  const { row, epoch } = await getReadableHead(c.var.deps, c.var.caller, setId);
  // Nothing published is not an empty list: whoever mirrors it would drop what they have.
  if (row.headRelease === 0) throw new ExchangeError("not_found");
  if (isHeld(c, row, epoch)) return c.body(null, 304, headHeaders(row, epoch));
  const { type, format } = formatOf(row);
  const headers = { ...headHeaders(row, epoch), "Content-Type": type };
  // A stream that nobody reads would never end, and keep the request's database client with it.
  if (c.req.method === "HEAD") return packedResponse(c, null, headers);
  noteReader(c.var.deps, c.var.caller, row, { isCopy: true });
  return packedResponse(c, streamEntries(c.var.deps, row.id, row.headRelease, format), headers);
}
