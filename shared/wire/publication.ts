/** Requests and answers of publishing verified cases: what is ready, the change before it is signed, the release. */

import { z } from "zod";
import { EntryId, Publisher, SetName } from "../ids.ts";
import { ReportState } from "../vocab/reports.ts";
import { CaseNumber } from "./hotline.ts";

const Count = z.int().nonnegative();

/** More cases than this go into the next release. */
export const PUBLICATION_CASES_MAX = 200;

export const ProposedEntry = z.strictObject({
  id: EntryId,
  alg: z.string(),
  value: z.string(),
  quality: z.int().optional(),
  act: z.string(),
  age: z.string(),
  production: z.string(),
  requested_action: z.string(),
  verification: z.string(),
});
export type ProposedEntry = z.infer<typeof ProposedEntry>;

export const ReadyAnswer = z.strictObject({
  sets: z.array(
    z.strictObject({ publisher: z.string(), set: z.string(), title: z.string().nullable(), release: Count }),
  ),
  cases: z.array(z.strictObject({ case: CaseNumber, state: ReportState, entries: z.array(ProposedEntry) })),
});
export type ReadyAnswer = z.infer<typeof ReadyAnswer>;

const Cases = z
  .array(CaseNumber)
  .min(1)
  .max(PUBLICATION_CASES_MAX)
  .refine((cases) => new Set(cases).size === cases.length, "each once");
export const PreviewRequest = z.strictObject({
  set: SetName,
  cases: Cases,
  /** entry ids of the proposal that shall not be published */
  leave_out: z.array(EntryId).max(1_000).optional(),
});
export const PublicationCheck = z.strictObject({
  code: z.enum(["both_computed", "none_rendered", "already_listed", "low_quality", "stream", "custody"]),
  ok: z.union([z.boolean(), z.literal("caution")]),
  count: Count,
});
export const PreviewAnswer = z.strictObject({
  publisher: Publisher,
  set: SetName,
  /** send it back as `expected_release` */
  release: Count,
  release_next: z.int().positive(),
  entries_before: Count,
  entries_after: Count,
  changes: z.array(
    z.strictObject({
      op: z.enum(["put", "del"]),
      id: EntryId,
      case: CaseNumber.optional(),
      alg: z.string(),
      value: z.string(),
      quality: z.int().optional(),
      checked_by: z.string(),
      asks_for: z.string(),
    }),
  ),
  checks: z.array(PublicationCheck),
  subscribers: Count,
  signing: z.strictObject({ custody: z.enum(["member", "exchange"]), kid: z.string().nullable() }),
});
export type PreviewAnswer = z.infer<typeof PreviewAnswer>;

export const PublicationRequest = PreviewRequest.extend({ expected_release: Count });
export const PublicationAnswer = z.strictObject({
  publisher: Publisher,
  set: SetName,
  release: z.int().positive(),
  digest: z.string(),
  log_index: Count,
  entries: Count,
  cases: z.array(CaseNumber),
});
export type PublicationAnswer = z.infer<typeof PublicationAnswer>;
