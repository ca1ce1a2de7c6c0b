// A report being written: what was picked, what reading it came to, what the person answered, and on which page
// of the form they are. Kept encrypted on this device, so that typed words survive a reload, a lock and a fault.
import { parseReportedUrl } from "@breakwater/shared/reported-url.ts";
import { Age, CountryCode, LocationRole, Production, ReportBasis, ReportKind } from "@breakwater/shared/vocab/index.ts";
import { z } from "zod";
import { PICK_KINDS, type Pick } from "../acquire/pick.ts";
import { Reading } from "../acquire/reading.ts";
import type { Change, Database } from "../database.ts";
import { openRecord, readable, sealRecord } from "../keys/sealed-record.ts";
import type { DraftRecord } from "../keys/vault.ts";

export const DRAFT_KEEP_MS = 24 * 60 * 60_000;

/** The pages of a report, in the order in which they can be met. */
export const STEPS = ["danger", "urgent", "form", "support", "review"] as const;
export type Step = (typeof STEPS)[number];

export const Address = z.strictObject({
  role: LocationRole,
  url: z.string(),
  url_canonical: z.string(),
  domain: z.string(),
  redacted: z.boolean(),
});
export type Address = z.infer<typeof Address>;

export const Answers = z.strictObject({
  danger: z.enum(["yes", "no"]).optional(),
  called: z.enum(["yes", "not_possible"]).optional(),
  kind: ReportKind.optional(),
  country: CountryCode.optional(),
  good_faith: z.boolean(),
  explanation: z.string(),
  basis: ReportBasis.optional(),
  age: Age.optional(),
  production: Production.optional(),
  account_service: z.string(),
  account_handle: z.string(),
  child_location_hint: z.string(),
  /** Of somebody who is shown themselves, or a parent: only the hash is to be used, nothing else passed on. */
  hash_only: z.boolean(),
  /** The page with help was shown; without it a report of somebody affected is not sent on. */
  support_seen: z.boolean(),
});
export type Answers = z.infer<typeof Answers>;

export const Draft = z.strictObject({
  id: z.string(),
  tab_id: z.number().int(),
  started_at: z.number(),
  step: z.enum(STEPS),
  kind: z.enum(PICK_KINDS),
  addresses: z.array(Address),
  reading: Reading.optional(),
  /** The person chose to send the address and no hash. */
  address_only: z.boolean(),
  answers: Answers,
  supersedes: z.string().optional(),
  /** A signed report that was refused; it leaves the outbox when this one enters it. */
  mends: z.string().optional(),
  /** Signed and in the outbox; kept only so that a refused report can be mended. */
  sent: z.boolean(),
});
export type Draft = z.infer<typeof Draft>;

const NO_ANSWERS: Answers = {
  good_faith: false,
  explanation: "",
  account_service: "",
  account_handle: "",
  child_location_hint: "",
  hash_only: false,
  support_seen: false,
};

/** Undefined for what cannot be reported: an address of the browser itself, or too long to pass on. */
export function findAddress(role: Address["role"], text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  try {
    return { role, ...parseReportedUrl(text) };
  } catch {
    return undefined;
  }
}

export function draftFrom(pick: Pick, country: string | undefined): Draft {
  const found = [
    findAddress("media", pick.media),
    findAddress("link_target", pick.link),
    findAddress("frame", pick.frame === pick.page ? undefined : pick.frame),
    findAddress("page", pick.page),
  ].filter((address) => address !== undefined);
  const addresses = found.filter((address, i) => found.findIndex((other) => other.url === address.url) === i);
  return {
    id: pick.id,
    tab_id: pick.tab_id,
    started_at: pick.at,
    step: "danger",
    kind: pick.kind,
    addresses,
    address_only: false,
    answers: { ...NO_ANSWERS, ...(country ? { country } : {}) },
    sent: false,
  };
}

/** What a person adds later is a report of its own that names the first. */
export function draftToAdd(earlier: Draft, id: string, nowMs: number): Draft {
  const { reading: _reading, ...rest } = earlier;
  const { called: _called, ...answers } = earlier.answers;
  return {
    ...rest,
    id,
    started_at: nowMs,
    step: "form",
    address_only: true,
    supersedes: earlier.id,
    answers: { ...answers, explanation: "", good_faith: false },
    sent: false,
  };
}

export async function draftChange(key: CryptoKey, draft: Draft, nowMs: number): Promise<Change> {
  const sealed = await sealRecord(key, `drafts/${draft.id}`, draft);
  return { store: "drafts", key: draft.id, value: { ...sealed, id: draft.id, at: nowMs } satisfies DraftRecord };
}

export async function listDrafts(db: Database, key: CryptoKey): Promise<Draft[]> {
  const records = (await db.list("drafts")) as DraftRecord[];
  const drafts = await readable(
    records.map(async (record) => Draft.parse(await openRecord(key, `drafts/${record.id}`, record))),
  );
  return drafts.sort((a, b) => b.started_at - a.started_at);
}

export async function findDraft(db: Database, key: CryptoKey, id: string): Promise<Draft | undefined> {
  const record = (await db.get("drafts", id)) as DraftRecord | undefined;
  return record && Draft.parse(await openRecord(key, `drafts/${id}`, record));
}

/** Unsent drafts end after a day; one whose report still waits to be sent stays as long as that report. */
export async function sweepDrafts(db: Database, waiting: ReadonlySet<string>, nowMs: number): Promise<void> {
  const records = (await db.list("drafts")) as DraftRecord[];
  const ended = records.filter(({ id, at }) => !waiting.has(id) && nowMs - at > DRAFT_KEEP_MS);
  await db.write(ended.map(({ id }) => ({ store: "drafts", key: id, value: undefined })));
}
