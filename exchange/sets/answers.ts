/** Rows as answers of publishing and of the catalogue. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type AdmissionAnswer, CatalogueRow, type SetAnswer } from "@breakwater/shared/wire/sets.ts";
import { listPublishers } from "../members/index.ts";
import type { Caller } from "../platform/caller.ts";
import type { Queries } from "../platform/db.ts";
import { type AdmissionRow, failureOf } from "./admission-store.ts";
import { listAudienceMembers } from "./sets.ts";
import type { ReleaseRow, SetRow } from "./tables.ts";

export async function catalogueRows(queries: Queries, rows: readonly SetRow[]): Promise<CatalogueRow[]> {
  const publishers = await listPublishers(queries, [...new Set(rows.map(({ publisher }) => publisher))]);
  return rows.map((row) =>
    CatalogueRow.parse({
      publisher: row.publisher,
      set: row.name,
      kind: row.kind,
      stream: row.stream,
      title: typeof row.about?.title === "string" ? row.about.title : null,
      custody: publishers.get(row.publisher)?.custody ?? "member",
      audience_tier: row.audienceTier,
      entries: row.entries,
      release: row.headRelease,
      released_at: row.releasedAt?.toISOString() ?? null,
      closed: row.closed,
      about: row.about,
    }),
  );
}

export async function setAnswer(queries: Queries, caller: Caller, row: SetRow): Promise<SetAnswer> {
  const [answer] = await catalogueRows(queries, [row]);
  if (answer === undefined) throw new Error("one row gives one answer");
  const yours = caller.publisher === row.publisher;
  // Who else may read a set is for its publisher alone.
  return yours
    ? { ...answer, yours, audience_members: await listAudienceMembers(queries, row.id) }
    : { ...answer, yours };
}

/** @throws ExchangeError `not_found` when the number was never brought */
export function admissionAnswer(admission: AdmissionRow | undefined, held: ReleaseRow | undefined): AdmissionAnswer {
  if (admission === undefined) {
    if (held === undefined) throw new ExchangeError("not_found");
    return { state: "done", digest: held.digest, rows_done: held.entries, rows_total: held.entries };
  }
  const { state, digest, rows_done, rows_total } = admission;
  const failure = state === "failed" ? failureOf(admission) : undefined;
  return { state, digest, ...failure, rows_done, rows_total: Math.max(rows_done, rows_total) };
}
