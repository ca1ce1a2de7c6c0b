/** Verified findings as hash entries: the axes both assessors chose, the hashes both computed, and what a hit should lead to. */
import type { Assessment } from "@breakwater/shared/assessment.ts";
import type { HashEntry } from "@breakwater/shared/entries/index.ts";
import type { CategoryCode } from "@breakwater/shared/vocab/categories.ts";
import type { EntryLabel } from "@breakwater/shared/vocab/entries.ts";
import type { ReportFlag } from "@breakwater/shared/vocab/reports.ts";
import type { Stream } from "@breakwater/shared/vocab/sets.ts";
import type { CaseEntryRow } from "../queue/store.ts";

/** What two people agreed on, and when the second one did. */
export type Finding = Pick<Assessment, "verdict" | "act" | "age" | "production" | "flags"> & { on: Date };

const LABELS: Partial<Record<ReportFlag, EntryLabel>> = {
  coerced: "coerced",
  infant: "infant",
  livestream: "livestream",
  self_generated: "self_generated",
  violence: "violence",
  viral_meme_possible: "possible_meme",
};
const MEDIA: Record<string, HashEntry["media"]> = {
  audio: "audio",
  document: "document",
  image: "image",
  text: "document",
  video: "video",
};

/** One entry. `source_fidelity` is a constant: an assessment cannot say anything else. */
export function entryOf(row: CaseEntryRow, finding: Finding, stream: Stream): HashEntry {
  const unsureAge = finding.age === "adult_possible" || finding.age === "minor_unsure";
  const labels = finding.flags.flatMap((flag) => LABELS[flag] ?? []).sort();
  const entry: HashEntry = {
    id: row.entry_id as HashEntry["id"],
    act: finding.act,
    age: finding.age,
    alg: row.alg,
    category: categoryOf(finding, stream),
    human_review:
      unsureAge || finding.verdict === "harmful" ? "required" : row.alg === "pdq" ? "recommended" : "not_required",
    item: row.item_ref,
    media: MEDIA[row.media_type] ?? "image",
    origin: stream === "test" ? "synthetic" : "flagger_report",
    production: finding.production,
    report_duty: finding.verdict === "illegal" && !unsureAge ? "report" : "check",
    requested_action: actionOf(finding, unsureAge),
    source_fidelity: "original_bytes",
    value: row.value,
    verification: { level: "two_reviewed", on: finding.on.toISOString().slice(0, 10), people: 2 },
  };
  if (labels.length > 0) entry.labels = labels;
  if (finding.age !== "adult_possible")
    entry.child_certainty = finding.age === "minor_unsure" ? "probable" : "confirmed";
  if (row.quality !== null) entry.quality = row.quality;
  if (row.ambiguous_bits !== null) entry.ambiguous_bits = row.ambiguous_bits;
  return entry;
}

function actionOf({ verdict }: Finding, unsureAge: boolean): HashEntry["requested_action"] {
  if (verdict === "harmful") return "review";
  return unsureAge ? "hold_pending_age_confirmation" : "block_remove_report";
}

function categoryOf({ verdict, production, flags }: Finding, stream: Stream): CategoryCode {
  if (stream === "test") return "synthetic_test";
  if (verdict === "harmful") return "exploitative_other";
  if (production === "ai_generated" || production === "ai_manipulated") return "ai_csam";
  if (production === "drawn_or_cgi") return "non_photographic";
  return flags.includes("self_generated") ? "self_generated" : "csam";
}

/** Members' legal bases differ by stream, so a finding goes only where it belongs. A test set takes anything. */
export function fitsStream({ verdict, production }: Finding, stream: Stream): boolean {
  if (stream === "test") return true;
  if (verdict === "harmful") return stream === "harmful_but_legal";
  const streams: Record<Finding["production"], Stream> = {
    photographic: "photographic",
    unsure: "photographic",
    ai_generated: "ai_generated",
    ai_manipulated: "ai_generated",
    drawn_or_cgi: "non_photographic",
  };
  return streams[production] === stream;
}
