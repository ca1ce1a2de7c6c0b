/** A flagger's report, `report/1`, signed by a device as `bw-report+jws`: hashes and words' ciphertext, never imagery. */

import { z } from "zod";
import { type KeyTable, openEnvelope, REPORT_MAX_BYTES, signEnvelope } from "./envelope.ts";
import { Digest, type Kid, UuidV7 } from "./ids.ts";
import { refuseImagery } from "./imagery-gate.ts";
import type { SigningKey } from "./keys.ts";
import { ExchangeError } from "./problem.ts";
import {
  ACQUISITION_METHODS,
  ACTIONS_TAKEN,
  EMERGENCY_CALL,
  IMMEDIATE_INDICATORS,
  NO_CALL_REASONS,
  OBSERVED_PRECISIONS,
  REPORT_MEDIA_TYPES,
  REPORT_SHARING,
  REPORTER_ROLES,
  SOURCE_FIDELITIES,
} from "./report-codes.ts";
import { hasOurHeader, LOCATIONS_MAX, SealedJwe } from "./sealed.ts";
import { isSignalValue } from "./signals/index.ts";
import { Act, Age, Production } from "./vocab/axes.ts";
import {
  Confidence,
  LocationAccess,
  LocationRole,
  REPORT_FLAGS,
  ReportBasis,
  ReportFlag,
  ReportKind,
  Urgency,
} from "./vocab/reports.ts";

export const REPORT_PAYLOAD_MAX_BYTES = 64 * 1024;
export const ITEMS_MAX = 200;
export const GOOD_FAITH_VERSION = "1";
/** Algorithms a browser computes; a licensed type such as photodna is not accepted from a flagger. */
export const REPORT_ALGS = ["md5", "sha1", "sha256", "pdq"] as const;
export const EXACT_ALGS: readonly string[] = ["md5", "sha1", "sha256"];
const PIXELS_MAX = 1_000_000;
const BYTES_MAX = 1024 ** 4;
const DURATION_MS_MAX = 7 * 24 * 3_600_000;
const POINTERS_MAX = 20;

const word = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[\p{L}\p{N} ._+@/-]+$/u);
const code = <const T extends readonly [string, ...string[]]>(codes: T) => z.enum(codes);
const distinct = <T extends z.ZodType>(item: T, max: number) =>
  z
    .array(item)
    .max(max)
    .refine((items) => new Set(items).size === items.length, "each once");
/** RFC 3339 with an offset. */
const Moment = z.iso.datetime({ offset: true }).max(35);
const Country = z.string().regex(/^[A-Z]{2}$/);

export const ReportHash = z
  .strictObject({
    alg: code(REPORT_ALGS),
    value: z.string(),
    quality: z.int().min(0).max(100).optional(),
    ambiguous_bits: z.int().min(0).max(256).optional(),
  })
  .refine(({ alg, value }) => isSignalValue(alg, value), { path: ["value"], error: "not a value of its algorithm" })
  .refine(({ alg, quality }) => (alg === "pdq") === (quality !== undefined), { path: ["quality"], error: "pdq only" })
  .refine(({ alg, ambiguous_bits }) => alg === "pdq" || ambiguous_bits === undefined, {
    path: ["ambiguous_bits"],
    error: "pdq only",
  });
export type ReportHash = z.infer<typeof ReportHash>;

export const Acquisition = z.strictObject({
  method: code(ACQUISITION_METHODS),
  source_fidelity: code(SOURCE_FIDELITIES),
  refetched: z.boolean().optional(),
  credentials: z.enum(["none", "page"]).optional(),
  scale_percent: z.int().min(1).max(1_000).optional(),
  occluded: z.boolean().optional(),
  content_mismatch: z.boolean().optional(),
  first_frame_only: z.boolean().optional(),
});

export const ReportItem = z
  .strictObject({
    item_id: z.uuid(),
    media_type: code(REPORT_MEDIA_TYPES),
    mime: z
      .string()
      .max(100)
      .regex(/^[a-z0-9]+\/[a-z0-9.+-]+$/)
      .optional(),
    width: z.int().min(1).max(PIXELS_MAX).optional(),
    height: z.int().min(1).max(PIXELS_MAX).optional(),
    byte_length: z.int().min(0).max(BYTES_MAX).optional(),
    duration_ms: z.int().min(0).max(DURATION_MS_MAX).optional(),
    hashes: z.array(ReportHash).min(1).max(REPORT_ALGS.length),
    acquisition: Acquisition,
    location_ref: z
      .int()
      .min(0)
      .max(LOCATIONS_MAX - 1),
  })
  .check(({ value: item, issues }) => {
    const refuse = (path: (string | number)[], message: string) =>
      issues.push({ code: "custom", input: item, path, message });
    const { method, source_fidelity } = item.acquisition;
    if (new Set(item.hashes.map(({ alg }) => alg)).size !== item.hashes.length) refuse(["hashes"], "each alg once");
    // An exact hash of anything but the original bytes matches nothing, or something else.
    if (source_fidelity !== "original_bytes" && item.hashes.some(({ alg }) => EXACT_ALGS.includes(alg))) {
      refuse(["acquisition", "source_fidelity"], "exact hashes need original bytes");
    }
    if ((method === "rendered_crop") !== (source_fidelity === "rendered")) {
      refuse(["acquisition", "source_fidelity"], "a crop is rendered, and nothing else is");
    }
    if (method === "page_canvas_read" && source_fidelity === "original_bytes") {
      refuse(["acquisition", "source_fidelity"], "pixels are not original bytes");
    }
  });
export type ReportItem = z.infer<typeof ReportItem>;

/** In clear: enough to route and to join; the address itself is in the sealed part, at the same index. */
export const ReportLocation = z.strictObject({
  role: LocationRole,
  domain: z
    .string()
    .min(1)
    .max(253)
    .regex(/^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])$/),
  url_digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  redacted: z.boolean().optional(),
  access: LocationAccess.optional(),
});
export type ReportLocation = z.infer<typeof ReportLocation>;

export const Immediate = z.strictObject({
  emergency_called: code(EMERGENCY_CALL),
  called_at: Moment.optional(),
  reason_if_no: code(NO_CALL_REASONS).optional(),
  indicators: distinct(code(IMMEDIATE_INDICATORS), IMMEDIATE_INDICATORS.length).optional(),
});

const ReportShape = z.strictObject({
  schema: z.literal("report/1"),
  id: UuidV7,
  created_at: Moment,
  observed_at: Moment.optional(),
  observed_precision: code(OBSERVED_PRECISIONS).optional(),
  client: z.strictObject({
    name: word(60),
    version: word(40),
    build_hash: z
      .string()
      .regex(/^[0-9a-f]{8,64}$/)
      .optional(),
    browser_family: word(40),
    os_family: word(40),
  }),
  reporter: z.strictObject({ member: z.string().min(1).max(100), device_id: word(64), role: code(REPORTER_ROLES) }),
  test: z.boolean(),
  supersedes: UuidV7.optional(),
  report_kind: ReportKind,
  urgency: Urgency,
  immediate: Immediate.optional(),
  basis: ReportBasis.optional(),
  age: Age.optional(),
  act: Act.optional(),
  production: Production.optional(),
  flags: distinct(ReportFlag, Object.keys(REPORT_FLAGS).length).optional(),
  confidence: Confidence.optional(),
  good_faith: z.strictObject({ accepted: z.literal(true), version: word(20) }),
  jurisdiction: z.strictObject({
    observer_country: Country,
    suspected_host_country: Country.optional(),
    suspected_victim_country: Country.optional(),
    routing_version: word(20).optional(),
  }),
  language: z
    .string()
    .max(35)
    .regex(/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/),
  sharing: code(REPORT_SHARING),
  locations: z.array(ReportLocation).min(1).max(LOCATIONS_MAX),
  items: z.array(ReportItem).max(ITEMS_MAX),
  actions_taken: distinct(code(ACTIONS_TAKEN), ACTIONS_TAKEN.length).optional(),
  sealed: SealedJwe.refine(hasOurHeader, "not sealed by the one pair of algorithms"),
  sealed_digest: Digest,
});

/**
 * The payload. Two choices are a person's (`report_kind`, `good_faith`); an urgent report adds address and country;
 * everything else is optional or filled by the client. No rule here looks at a clock: no report is refused for time.
 */
export const Report = ReportShape.check(({ value: report, issues }) => {
  const refuse = (path: (string | number)[], message: string) =>
    issues.push({ code: "custom", input: report, path, message });
  if (report.report_kind === "url_only" && report.items.length > 0) refuse(["items"], "url_only has no items");
  if (report.immediate !== undefined && report.urgency !== "immediate_danger") {
    refuse(["immediate"], "only with immediate_danger");
  }
  if (report.age === "adult_possible" && report.confidence === "high") {
    refuse(["confidence"], "a possible adult is no high confidence");
  }
  if (report.supersedes === report.id) refuse(["supersedes"], "another report");
  if (new Set(report.items.map(({ item_id }) => item_id)).size !== report.items.length) refuse(["items"], "each once");
  for (const [index, item] of report.items.entries()) {
    if (item.location_ref >= report.locations.length) refuse(["items", index, "location_ref"], "no such location");
  }
});
export type Report = z.infer<typeof Report>;

/**
 * The one validator of client and exchange: imagery first, because what looks like a picture must not even be
 * described in a refusal, then the closed shape.
 *
 * @throws ExchangeError `imagery_suspected`, or `report_invalid` with `pointers` (member paths of the schema's own names)
 */
export function parseReport(payload: unknown): Report {
  refuseImagery(payload);
  const result = Report.safeParse(payload);
  if (result.success) return result.data;
  throw new ExchangeError("report_invalid", { pointers: pointersOf(result.error) });
}

// Unknown member names are left out of the pointers: they are the sender's words, and a refusal is logged.
function pointersOf(error: z.ZodError): string[] {
  const pointers = error.issues.map(({ code: issue, path }) => {
    const pointer = `/${path.map(String).join("/")}`;
    return issue === "unrecognized_keys" ? `${pointer === "/" ? "" : pointer}/*` : pointer;
  });
  return [...new Set(pointers)].slice(0, POINTERS_MAX);
}

/** @throws ExchangeError what {@link parseReport} throws, `report_too_large` */
export async function signReport(report: Report, deviceKey: SigningKey): Promise<Uint8Array<ArrayBuffer>> {
  // Parsed again on purpose: the client refuses before signing what the exchange would refuse afterwards.
  const bytes = await signEnvelope("bw-report+jws", parseReport(report), [deviceKey], { maxBytes: REPORT_MAX_BYTES });
  return bytes;
}

/**
 * Verify, then parse.
 *
 * @param keys - the device's key by kid, looked up by the caller
 * @throws ExchangeError what the envelope's opening throws, `report_too_large`, and what {@link parseReport} throws
 */
export async function openReport(bytes: Uint8Array, keys: KeyTable): Promise<{ report: Report; kid: Kid }> {
  const opened = await openEnvelope(bytes, "bw-report+jws", keys, 1, { maxBytes: REPORT_MAX_BYTES });
  if (opened.payloadBytes.length > REPORT_PAYLOAD_MAX_BYTES) {
    throw new ExchangeError("report_too_large", { max_bytes: REPORT_PAYLOAD_MAX_BYTES });
  }
  return { report: parseReport(opened.payload), kid: opened.kids[0] as Kid };
}

/** Did a person say that it cannot wait? These are alerted at once. */
export function isUrgent({ urgency }: Pick<Report, "urgency">): boolean {
  return urgency === "immediate_danger" || urgency === "ongoing_abuse_suspected";
}
