/** Made-up answers for the console's screens; hashes are of nothing, hosts are reserved names. Parsed by the wire schemas before use. */

import { Case, CasePage, SealingKeyAnswer } from "@breakwater/shared/wire/hotline.ts";
import { InviteList, MemberList, Session } from "@breakwater/shared/wire/members.ts";
import { AuditPage, RetentionPage } from "@breakwater/shared/wire/operations.ts";
import { PreviewAnswer, ReadyAnswer } from "@breakwater/shared/wire/publication.ts";
import { CatalogueAnswer } from "@breakwater/shared/wire/sets.ts";
import type { Answers } from "./canned-console.ts";

const MINUTE_MS = 60_000;
const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE_MS).toISOString();
const hex = (seed: string, length: number) => seed.repeat(length).slice(0, length);

export function session(roles: string[]): unknown {
  return Session.parse({
    person: { id: "a".repeat(32), name: "A. Analyst", roles },
    member: {
      name: "hotline",
      title: "Example Hotline",
      roles: ["publisher", "hotline"],
      publisher: "hotline.example",
    },
    exchange: "Breakwater",
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  });
}

const row = (number: number, more: Record<string, unknown>) => ({
  case: number,
  priority: 2,
  score: 20,
  state: "received",
  title_kind: "csam",
  items: 1,
  addresses: 1,
  host: "forum.example",
  country: "IE",
  waiting_since: ago(180),
  due_at: ago(-60),
  with: null,
  urgent: false,
  acknowledged_at: null,
  joined: 1,
  known: false,
  you_assessed: false,
  ...more,
});

export const EMPTY_QUEUE = CasePage.parse({
  cases: [],
  urgent: [],
  counts: { open: 0, mine: 0, known: 0 },
  forward_to: null,
  forward_delivers: false,
  last_closed_at: ago(40),
});

export const FULL_QUEUE = CasePage.parse({
  cases: [
    row(2047, {
      priority: 1,
      state: "urgent_hold",
      urgent: true,
      host: "chat.example",
      country: "NL",
      waiting_since: ago(6),
      due_at: ago(-9),
    }),
    row(2041, { priority: 1, state: "verified_1", items: 2, joined: 2, with: { name: "A. Analyst", you: true } }),
    row(2038, {
      state: "disagreement",
      title_kind: "ai_csam",
      host: "images.example",
      country: "US",
      with: { name: "B. Senior", you: false },
    }),
    row(2036, {
      title_kind: "csam_ad_or_link",
      items: 0,
      addresses: 3,
      host: "market.example",
      country: "DE",
      due_at: ago(30),
    }),
    row(2035, { priority: 3, state: "auto_known", known: true, host: "files.example", country: "FR" }),
    row(2017, {
      priority: 4,
      state: "unverifiable",
      host: "a-very-long-name-of-a-host-that-goes-on.example",
      country: "BR",
      due_at: null,
    }),
  ],
  urgent: [
    {
      case: 2047,
      waiting_since: ago(6),
      forward_at: ago(-9),
      forwarded_at: null,
      forwarded_to: null,
      forward_failed: false,
      acknowledged: false,
    },
  ],
  counts: { open: 6, mine: 1, known: 1 },
  forward_to: "Example Police, duty desk",
  forward_delivers: true,
  last_closed_at: null,
});

export const CASE = Case.parse({
  case: 2041,
  state: "verified_1",
  priority: 1,
  score: 60,
  score_parts: [
    { code: "new_and_young", points: 30 },
    { code: "identifying_clue", points: 20 },
    { code: "accredited_flagger", points: 10 },
  ],
  title_kind: "csam",
  urgent: false,
  acknowledged_at: null,
  with: { name: "A. Analyst", you: true },
  waiting_since: ago(180),
  due_at: ago(-60),
  stage: "second",
  you_may_assess: true,
  outcome_code: null,
  known_in: [],
  reports: [
    {
      report_id: "0193b2f0-1111-7aaa-8bbb-52e07a419c3d",
      reference: "BW-52E0-7A41-9C3D",
      received_at: ago(180),
      member: "Example Flaggers",
      kind: "csam",
      urgency: "standard",
      marks: ["clock_skew"],
      payload: null,
    },
  ],
  items: [
    {
      item_id: "7f6b0a52-4f0e-4d57-9b59-0f1d5b1a1a1a",
      report_id: "0193b2f0-1111-7aaa-8bbb-52e07a419c3d",
      media_type: "image",
      acquisition: { method: "page_cache_read", source_fidelity: "original_bytes" },
      hashes: [
        { alg: "sha256", value: hex("88ec8ac1", 64) },
        { alg: "pdq", value: hex("62c3e5ca", 64), quality: 92, ambiguous_bits: 1 },
      ],
    },
  ],
  assessments: [],
  assessments_saved: 1,
  steps: [
    { at: ago(180), code: "received" },
    { at: ago(100), code: "first_assessed", by: "B. Senior" },
  ],
  published: null,
});

const entry = (id: string, alg: string, seed: string) => ({
  id: hex(id, 32),
  alg,
  value: hex(seed, 64),
  ...(alg === "pdq" ? { quality: 58 } : {}),
  act: "other_indecent",
  age: "11_13",
  production: "photographic",
  requested_action: "block_remove_report",
  verification: "two_reviewed",
});

export const READY = ReadyAnswer.parse({
  sets: [{ publisher: "hotline.example", set: "verified", title: "Verified photographic", release: 418 }],
  cases: [
    { case: 2041, state: "verified", entries: [entry("e7c1", "sha256", "88ec8ac1"), entry("e7c2", "pdq", "62c3e5ca")] },
  ],
});

export const PREVIEW = PreviewAnswer.parse({
  publisher: "hotline.example",
  set: "verified",
  release: 418,
  release_next: 419,
  entries_before: 48_211,
  entries_after: 48_213,
  changes: READY.cases[0]?.entries.map(({ id, alg, value, quality, requested_action }) => ({
    op: "put",
    id,
    case: 2041,
    alg,
    value,
    ...(quality === undefined ? {} : { quality }),
    checked_by: "2 people",
    asks_for: requested_action,
  })),
  checks: [
    { code: "both_computed", ok: true, count: 2 },
    { code: "none_rendered", ok: true, count: 0 },
    { code: "low_quality", ok: "caution", count: 1 },
  ],
  subscribers: 20,
  signing: { custody: "exchange", kid: "k".repeat(43) },
});

const set = (name: string, kind: string, title: string | null, more: Record<string, unknown> = {}) => ({
  publisher: "hotline.example",
  set: name,
  kind,
  stream: "photographic",
  title,
  custody: "exchange",
  audience_tier: "vetted",
  entries: 48_211,
  release: 418,
  released_at: ago(90),
  closed: false,
  about: { tlp: "AMBER", description: "Pictures that two people verified." },
  ...more,
});

export const CATALOGUE = CatalogueAnswer.parse({
  sets: [
    set("verified", "hash", "Verified photographic"),
    set("terms-en", "term", "Terms, English", { custody: "member", entries: 1322 }),
    set("practice", "hash", "Practice set", { stream: "test", about: { tlp: "CLEAR" } }),
    set("new", "url", null, { release: 0, released_at: null, entries: 0, about: null }),
  ],
});

export const INVITES = InviteList.parse({
  invites: [
    {
      invite_id: "1".repeat(32),
      member: "flaggers",
      member_title: "Example Flaggers",
      state: "waiting",
      created_at: ago(60),
      expires_at: ago(-2460),
      yours: false,
      device_waiting: true,
    },
    {
      invite_id: "2".repeat(32),
      member: "flaggers",
      member_title: "Example Flaggers",
      state: "waiting",
      created_at: ago(60),
      expires_at: ago(-2460),
      yours: true,
      device_waiting: false,
    },
    {
      invite_id: "3".repeat(32),
      member: "flaggers",
      member_title: "Example Flaggers",
      state: "used",
      created_at: ago(600),
      expires_at: ago(-60),
      yours: false,
      device_waiting: false,
    },
  ],
});

export const MEMBERS = MemberList.parse({
  members: [
    {
      name: "hotline",
      title: "Example Hotline",
      roles: ["publisher", "hotline"],
      tier: "vetted",
      publisher: "hotline.example",
      custody: "exchange",
      rung3: false,
      created_at: ago(9000),
    },
    {
      name: "company",
      title: "Example Company",
      roles: ["subscriber"],
      tier: "vetted",
      rung3: false,
      created_at: ago(9000),
      suspended_at: ago(10),
    },
  ],
});

export const AUDIT = AuditPage.parse({
  records: [
    { id: 2, at: ago(1), actor: { kind: "person", id: "a".repeat(32) }, action: "session.started" },
    {
      id: 1,
      at: ago(2),
      actor: { kind: "key", id: "b".repeat(16) },
      action: "member.created",
      subject: "member:hotline",
      code: "ok",
    },
  ],
  cursor: "older",
});

export const RETENTION = RetentionPage.parse({
  rules: [
    { table: "sessions", what: "Sessions that have ended", keep_days: 1, last_run_at: ago(30), last_removed: 4 },
    { table: "reports", what: "Sealed text of rejected reports", keep_days: 30, last_run_at: null, last_removed: null },
  ],
});

export const ALL_ROLES = ["analyst", "publisher", "administrator", "operator"];

/** What an exchange with a bit of everything in it answers. */
export function fullAnswers(): Answers {
  const answers: Answers = {
    "GET /v1/session": { body: session(ALL_ROLES) },
    "POST /v1/hotline/sealing-keys": { body: SealingKeyAnswer.parse({ kid: "k".repeat(43), state: "listed" }) },
    "GET /v1/hotline/cases/2041": { body: CASE },
    "GET /v1/hotline/cases/2041/seals/missing": { body: { missing: [] } },
    "GET /v1/hotline/ready": { body: READY },
    "POST /v1/hotline/publications/preview": { body: PREVIEW },
    "GET /v1/sets": { body: CATALOGUE },
    "GET /v1/invites": { body: INVITES },
    "GET /v1/operator/members": { body: MEMBERS },
    "GET /v1/operator/audit": { body: AUDIT },
    "GET /v1/operator/retention": { body: RETENTION },
  };
  for (const filter of ["open", "mine", "known"])
    answers[`GET /v1/hotline/cases?state=${filter}`] = { body: FULL_QUEUE };
  return answers;
}
