/** The signed answer to a report: what arrived, when, where it stands; the reference is the flagger's own. */

import { z } from "zod";
import { digestOf } from "./bytes.ts";
import { type KeyTable, openEnvelope } from "./envelope.ts";
import { Digest, type UuidV7, UuidV7 as UuidV7Schema } from "./ids.ts";
import { ExchangeError } from "./problem.ts";
import { ReportState } from "./vocab/reports.ts";

/** What was unusual about a report that was taken all the same. */
export const REPORT_MARKS = [
  "clock_skew",
  "late",
  "device_expired",
  "time_order",
  "exact_location_missing",
  "low_quality",
  "supersedes_unknown",
] as const;
export const ReportMark = z.enum(REPORT_MARKS);
export type ReportMark = z.infer<typeof ReportMark>;

export const NEXT_STEPS = [
  "urgent_alerted",
  "two_people_assess",
  "already_listed",
  "joined_case",
  "test_closed",
] as const;
export const NextStep = z.enum(NEXT_STEPS);
export type NextStep = z.infer<typeof NextStep>;

export const REFERENCE_PATTERN = /^BW(?:-[0-9A-F]{4}){3}$/;
/** Random v4 or v7: a repeat within one organisation names the first report, otherwise only the case. */
const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const Receipt = z.strictObject({
  schema: z.literal("receipt/1"),
  report_id: UuidV7Schema,
  reference: z.string().regex(REFERENCE_PATTERN),
  received_at: z.iso.datetime(),
  body_sha256: Digest,
  exchange: z.string().min(1).max(300),
  hotline: z.string().min(1).max(100),
  state: ReportState,
  duplicate_of: z.string().regex(UUID_PATTERN).optional(),
  marks: z.array(ReportMark),
  next_step: NextStep,
});
export type Receipt = z.infer<typeof Receipt>;

/** The last 48 random bits of the report's id: `BW-52E0-7A41-9C3D`. They tell nothing about time or content. */
export function referenceOf(reportId: UuidV7): string {
  const tail = reportId.slice(-12).toUpperCase();
  return `BW-${tail.slice(0, 4)}-${tail.slice(4, 8)}-${tail.slice(8)}`;
}

/**
 * Verifies a receipt and that it is for the bytes that were sent.
 *
 * @param receiptKeys - the exchange's receipt keys, pinned at enrolment
 * @param body - the report envelope as it was posted
 * @throws ExchangeError `receipt_invalid`, or what {@link openEnvelope} throws
 */
export async function openReceipt(
  bytes: Uint8Array,
  receiptKeys: KeyTable,
  body: { bytes: Uint8Array; reportId: string },
): Promise<Receipt> {
  const { payload } = await openEnvelope(bytes, "bw-receipt+jws", receiptKeys, 1);
  const result = Receipt.safeParse(payload);
  if (!result.success) throw new ExchangeError("receipt_invalid", { reason: "shape" });
  const receipt = result.data;
  if (receipt.report_id !== body.reportId || receipt.reference !== referenceOf(receipt.report_id)) {
    throw new ExchangeError("receipt_invalid", { reason: "report" });
  }
  if (receipt.body_sha256 !== (await digestOf(body.bytes)))
    throw new ExchangeError("receipt_invalid", { reason: "body" });
  return receipt;
}
