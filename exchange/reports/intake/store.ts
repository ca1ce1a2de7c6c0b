/** Rows of reports and of the cases they make or join. */
import type { Bytes } from "@breakwater/shared/bytes.ts";
import type { ReportMark } from "@breakwater/shared/receipt.ts";
import type { Report } from "@breakwater/shared/report.ts";
import type { ScorePart } from "@breakwater/shared/wire/hotline.ts";
import type { Queries, Tx } from "../../platform/db.ts";

export type StoredReport = { id: string; device_id: string; body_sha256: string; receipt: Bytes };

export async function findReport({ sql }: Queries, id: string): Promise<StoredReport | undefined> {
  const [row] = await sql<StoredReport[]>`select id, device_id, body_sha256, receipt from reports where id = ${id}`;
  return row;
}

export type KnownIn = { publisher: string; set: string; entry_id: string };
export type CaseFacts = {
  id: string;
  public_id: string;
  number: number;
  state: string;
  urgency: Report["urgency"];
  title_kind: Report["report_kind"];
  score_parts: ScorePart[];
  known_in: KnownIn[];
  urgent_at: Date | null;
  acknowledged_at: Date | null;
  opened_at: Date;
};

export async function lockCase({ sql }: Tx, id: string): Promise<CaseFacts> {
  const [row] = await sql<CaseFacts[]>`
    select id, public_id, number, state, urgency, title_kind, score_parts, known_in, urgent_at, acknowledged_at, opened_at
    from cases where id = ${id} for update`;
  if (row === undefined) throw new Error("case vanished inside its transaction");
  return row;
}

/** Makes intake of one hotline single file: two reports of one file at the same moment make one case, not two. */
export async function takeCaseNumber({ sql }: Tx, hotlineId: string): Promise<number> {
  const [row] = await sql<{ number: number }[]>`
    update hotlines set next_case = next_case + 1 where member_id = ${hotlineId} returning next_case - 1 as number`;
  if (row === undefined) throw new Error("hotline vanished inside its transaction");
  return row.number;
}

export async function lockHotline({ sql }: Tx, hotlineId: string): Promise<boolean> {
  const rows = await sql`select 1 from hotlines where member_id = ${hotlineId} for update`;
  return rows.length === 1;
}

export type NewCase = {
  id: string;
  publicId: string;
  hotlineId: string;
  number: number;
  state: "triaged" | "urgent_hold" | "auto_known";
  report: Report;
  parts: ScorePart[];
  score: number;
  priority: number;
  knownIn: KnownIn[];
  dueAt: Date | null;
  urgent: { at: Date; forwardAt: Date } | undefined;
  now: Date;
};

export async function insertCase({ sql }: Tx, input: NewCase): Promise<void> {
  const { report, urgent, now } = input;
  const known = input.state === "auto_known";
  const place = report.locations.find(({ role }) => role === "media") ?? report.locations[0];
  await sql`
    insert into cases (id, public_id, hotline_id, number, state, title_kind, urgency, score, score_parts, priority,
      known_in, host, country, opened_at, due_at, urgent_at, forward_at, closed_at, updated_at)
    values (${input.id}, ${input.publicId}, ${input.hotlineId}, ${input.number}, ${input.state}, ${report.report_kind},
      ${report.urgency}, ${input.score}, ${JSON.stringify(input.parts)}::jsonb, ${input.priority},
      ${JSON.stringify(input.knownIn)}::jsonb, ${place?.domain ?? null},
      ${report.jurisdiction.suspected_host_country ?? null}, ${now}, ${input.dueAt}, ${urgent?.at ?? null},
      ${urgent?.forwardAt ?? null}, ${known ? now : null}, ${now})`;
}

export type CaseUpdate = {
  state: string;
  urgency: string;
  parts: ScorePart[];
  score: number;
  priority: number;
  knownIn: KnownIn[];
  dueAt: Date | null;
  closedAt: Date | null;
  /** present when the case is alerted anew */
  urgent: { at: Date; forwardAt: Date } | undefined;
  now: Date;
};

export async function updateCase({ sql }: Tx, id: string, input: CaseUpdate): Promise<void> {
  await sql`
    update cases set state = ${input.state}, urgency = ${input.urgency}, score = ${input.score},
      score_parts = ${JSON.stringify(input.parts)}::jsonb, priority = ${input.priority},
      known_in = ${JSON.stringify(input.knownIn)}::jsonb, due_at = ${input.dueAt}, closed_at = ${input.closedAt},
      updated_at = ${input.now}
    where id = ${id}`;
  if (input.urgent === undefined) return;
  await sql`
    update cases set
      urgent_at = case when acknowledged_at is null then coalesce(urgent_at, ${input.urgent.at}::timestamptz)
        else ${input.urgent.at} end,
      -- Whoever reported first was promised fifteen minutes: a repeat does not put it off.
      forward_at = case when acknowledged_at is null and forwarded_at is null
        then coalesce(forward_at, ${input.urgent.forwardAt}::timestamptz) else ${input.urgent.forwardAt} end,
      forwarded_at = null, acknowledged_at = null, acknowledged_by = null
    where id = ${id}`;
}

export type NewReport = {
  report: Report;
  hotlineId: string;
  memberId: string;
  deviceId: string;
  caseId: string | null;
  body: Uint8Array;
  bodySha256: string;
  receipt: Uint8Array;
  reference: string;
  marks: ReportMark[];
  duplicateOf: string | null;
  receivedAt: Date;
};

export async function insertReport({ sql }: Tx, input: NewReport): Promise<void> {
  const { report } = input;
  const sealedKids = report.sealed.recipients.map(({ header }) => header.kid);
  await sql`
    insert into reports (id, hotline_id, member_id, device_id, case_id, body, body_sha256, receipt, reference,
      report_kind, urgency, test, marks, sealed_kids, duplicate_of, supersedes, received_at)
    values (${report.id}, ${input.hotlineId}, ${input.memberId}, ${input.deviceId}, ${input.caseId}, ${input.body},
      ${input.bodySha256}, ${input.receipt}, ${input.reference}, ${report.report_kind}, ${report.urgency}, ${report.test},
      ${input.marks}::text[], ${sealedKids}::text[], ${input.duplicateOf}, ${report.supersedes ?? null}, ${input.receivedAt})`;
  if (input.caseId === null) return;
  // One statement each: a report may hold two hundred items, and its hotline's intake waits for it.
  const hashes = report.items.flatMap(({ item_id, hashes: all }) =>
    all.map(({ alg, value }) => ({ item_id, alg, value })),
  );
  await sql`
    insert into report_hashes (report_id, case_id, hotline_id, item_id, alg, value)
    select ${report.id}, ${input.caseId}, ${input.hotlineId}, h.item_id, h.alg, h.value
    from jsonb_to_recordset(${JSON.stringify(hashes)}::text::jsonb) as h(item_id uuid, alg text, value text)`;
  const locations = report.locations.map(({ domain, url_digest }, position) => ({ position, domain, url_digest }));
  await sql`
    insert into report_locations (report_id, position, case_id, hotline_id, domain, url_digest)
    select ${report.id}, l.position, ${input.caseId}, ${input.hotlineId}, l.domain, l.url_digest
    from jsonb_to_recordset(${JSON.stringify(locations)}::text::jsonb) as l(position integer, domain text, url_digest text)`;
}

/** The report that opened a case: who sent it decides what a repeat is told. */
export async function findFirstReport(
  { sql }: Queries,
  caseId: string,
): Promise<{ id: string; member_id: string } | undefined> {
  const [row] = await sql<{ id: string; member_id: string }[]>`
    select id, member_id from reports where case_id = ${caseId} order by received_at, id limit 1`;
  return row;
}

/** Decided cases of a member's reports: how many were listed, how many were not. */
export async function countOutcomes(
  { sql }: Queries,
  memberId: string,
): Promise<{ listed: number; not_listed: number }> {
  const [row] = await sql<{ listed: number; not_listed: number }[]>`
    select (count(*) filter (where c.state in ('verified', 'published')))::int as listed,
      (count(*) filter (where c.state = 'rejected' or c.outcome_code = 'hash_not_confirmed'))::int as not_listed
    from (select distinct case_id from reports where member_id = ${memberId} and case_id is not null) r
    join cases c on c.id = r.case_id`;
  return row ?? { listed: 0, not_listed: 0 };
}

export async function isKidOfHotline({ sql }: Queries, hotlineId: string, kids: string[]): Promise<boolean> {
  const rows = await sql`
    select 1 from recipient_lists where hotline_id = ${hotlineId} and kids && ${kids}::text[] limit 1`;
  return rows.length === 1;
}
