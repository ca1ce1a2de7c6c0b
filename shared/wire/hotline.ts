/** Requests and answers of the hotline's queue and of report status, as the exchange checks them and its callers parse them. */

import { z } from "zod";
import { Assessment } from "../assessment.ts";
import { Kid, UuidV7 } from "../ids.ts";
import { PublicJwk, SealingJwk } from "../keys.ts";
import { ReportMark } from "../receipt.ts";
import { Report, ReportHash, ReportItem } from "../report.ts";
import { hasOurHeader, SealedJwe } from "../sealed.ts";
import { REJECTION_REASONS, RejectionReason, UNVERIFIABLE_REASONS, UnverifiableReason } from "../vocab/reasons.ts";
import { ReportKind, ReportState, Urgency } from "../vocab/reports.ts";
import { codesOf } from "../vocab/vocabulary.ts";

const At = z.iso.datetime();
export const CaseNumber = z
  .int()
  .positive()
  .max(2 ** 31 - 1);
const Count = z.int().nonnegative();
const Word = z.string().regex(/^[a-z0-9_]{1,60}$/);
const PersonName = z.string().max(200);

/** Coded outcomes that a flagger is told. */
export const OutcomeCode = z.enum([
  ...codesOf(REJECTION_REASONS),
  ...codesOf(UNVERIFIABLE_REASONS),
  "hash_not_confirmed",
  "listed",
]);
export type OutcomeCode = z.infer<typeof OutcomeCode>;

// --- keys

export const AgentRequest = z.strictObject({ signing_key: PublicJwk, sealing_key: SealingJwk });
export const AgentAnswer = z.strictObject({ signing_kid: Kid, sealing_kid: Kid });
export const SealingKeyRequest = z.strictObject({ sealing_key: SealingJwk });
export const SealingKeyRow = z.strictObject({
  kid: Kid,
  jwk: SealingJwk,
  person: z.string(),
  person_name: PersonName,
  state: z.enum(["waiting", "listed"]),
  created_at: At,
});
export type SealingKeyRow = z.infer<typeof SealingKeyRow>;
export const SealingKeyAnswer = SealingKeyRow.pick({ kid: true, state: true });
export const SealingKeysAnswer = z.strictObject({
  keys: z.array(SealingKeyRow),
  agent: AgentRequest.nullable(),
  /** newest version of the signed list; 0 when there is none */
  list_version: Count,
});
export const RecipientsAnswer = z.strictObject({ version: z.int().positive() });

/** A sealed part that one listed key cannot open yet, and that the caller can open to wrap it again. */
export const MissingSeal = z.strictObject({
  report_id: UuidV7,
  case: CaseNumber,
  kid: Kid,
  jwk: SealingJwk,
  sealed: SealedJwe,
  sealed_digest: z.string(),
});
export type MissingSeal = z.infer<typeof MissingSeal>;
export const MissingSealsAnswer = z.strictObject({ missing: z.array(MissingSeal) });
export const SealRequest = z.strictObject({ kid: Kid, jwe: SealedJwe.refine(hasOurHeader) });

// --- queue

export const CaseRow = z.strictObject({
  case: CaseNumber,
  priority: z.int().min(1).max(4),
  score: z.int(),
  state: ReportState,
  title_kind: ReportKind,
  items: Count,
  addresses: Count,
  host: z.string().nullable(),
  country: z.string().nullable(),
  waiting_since: At,
  due_at: At.nullable(),
  with: z.strictObject({ name: PersonName, you: z.boolean() }).nullable(),
  urgent: z.boolean(),
  acknowledged_at: At.nullable(),
  joined: Count,
  known: z.boolean(),
  you_assessed: z.boolean(),
});
export type CaseRow = z.infer<typeof CaseRow>;

export const CaseFilter = z.enum(["open", "mine", "known", "all"]);
export type CaseFilter = z.infer<typeof CaseFilter>;

export const CasePage = z.strictObject({
  cases: z.array(CaseRow),
  urgent: z.array(
    z.strictObject({
      case: CaseNumber,
      waiting_since: At,
      forward_at: At.nullable(),
      /** when it arrived there; null also when it was tried, or could not be */
      forwarded_at: At.nullable(),
      forwarded_to: z.string().nullable(),
      /** the last try did not arrive */
      forward_failed: z.boolean(),
      acknowledged: z.boolean(),
    }),
  ),
  counts: z.strictObject({ open: Count, mine: Count, known: Count }),
  /** who takes over an urgent report that nobody acknowledges; null when the hotline named nobody */
  forward_to: z.string().nullable(),
  /** false: there is no address for them, so nobody tells them but an analyst who calls */
  forward_delivers: z.boolean(),
  last_closed_at: At.nullable(),
});
export type CasePage = z.infer<typeof CasePage>;

export const ScorePart = z.strictObject({ code: Word, points: z.int() });
export type ScorePart = z.infer<typeof ScorePart>;

export const CaseReport = z.strictObject({
  report_id: UuidV7,
  reference: z.string(),
  received_at: At,
  member: z.string(),
  kind: ReportKind,
  urgency: Urgency,
  marks: z.array(ReportMark),
  /** null once retention has removed what the report said */
  payload: Report.nullable(),
  /** a colleague's re-wrap for one of your keys that the report's own list did not hold */
  seal: SealedJwe.optional(),
});
export type CaseReport = z.infer<typeof CaseReport>;

export const CaseItem = z.strictObject({
  item_id: ReportItem.shape.item_id,
  media_type: ReportItem.shape.media_type,
  acquisition: ReportItem.shape.acquisition,
  report_id: UuidV7,
  hashes: z.array(ReportHash),
});

export const CaseAssessment = z.strictObject({
  person: z.string(),
  name: PersonName,
  yours: z.boolean(),
  saved_at: At,
  decision: z.enum(["assessed", "rejected"]),
  reason: RejectionReason.nullable(),
  assessment: Assessment.nullable(),
});
export type CaseAssessment = z.infer<typeof CaseAssessment>;

export const CaseStep = z.strictObject({ at: At, code: Word, by: PersonName.optional() });

/** Where the caller stands with a case: may assess as first, second or (after a difference) third; `done` when closed. */
export const CaseStage = z.enum(["first", "second", "third", "done"]);

export const Case = z.strictObject({
  case: CaseNumber,
  state: ReportState,
  priority: z.int().min(1).max(4),
  score: z.int(),
  score_parts: z.array(ScorePart),
  title_kind: ReportKind,
  urgent: z.boolean(),
  acknowledged_at: At.nullable(),
  with: z.strictObject({ name: PersonName, you: z.boolean() }).nullable(),
  waiting_since: At,
  due_at: At.nullable(),
  stage: CaseStage,
  you_may_assess: z.boolean(),
  why_not: Word.optional(),
  outcome_code: OutcomeCode.nullable(),
  known_in: z.array(z.strictObject({ publisher: z.string(), set: z.string(), entry_id: z.string() })),
  reports: z.array(CaseReport),
  items: z.array(CaseItem),
  assessments: z.array(CaseAssessment),
  /** how many are saved, yours or not */
  assessments_saved: Count,
  steps: z.array(CaseStep),
  published: z.strictObject({ set: z.string(), release: Count, entries: z.array(z.string()) }).nullable(),
});
export type Case = z.infer<typeof Case>;

export const NextCaseAnswer = z.strictObject({ case: CaseNumber.nullable() });
export const CaseStateAnswer = z.strictObject({ case: CaseNumber, state: ReportState });
/** `comparison` only once a second person has saved. */
export const AssessmentAnswer = z.strictObject({
  case: CaseNumber,
  state: ReportState,
  comparison: z.enum(["agree", "disagree", "hash_not_confirmed"]).nullable(),
});
export const RejectRequest = z.strictObject({ reason: RejectionReason });
export const UnverifiableRequest = z.strictObject({ reason: UnverifiableReason });
export const CopiedRequest = z.strictObject({ report_id: UuidV7, location: z.int().min(0).max(49) });

// --- the flagger's side

export const ReportStatus = z.strictObject({
  report_id: UuidV7,
  reference: z.string(),
  state: ReportState,
  updated_at: At,
  outcome_code: OutcomeCode.optional(),
});
export type ReportStatus = z.infer<typeof ReportStatus>;
