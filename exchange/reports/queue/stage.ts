/** Where a person stands with a case: may they assess it, as which assessor, and if not, why. */
import type { ReportState } from "@breakwater/shared/vocab/reports.ts";

/** States in which somebody works on a case. */
export const WORKABLE: readonly ReportState[] = [
  "received",
  "urgent_hold",
  "triaged",
  "in_review",
  "verified_1",
  "disagreement",
];

export type Stage = { stage: "first" | "second" | "third" | "done"; why_not?: WhyNot };
export type WhyNot = "already_assessed" | "case_closed" | "case_known" | "taken";

type Standing = {
  state: ReportState;
  saved: readonly { person_id: string }[];
  takenBy: string | null;
  personId: string;
};

export function stageOf({ state, saved, takenBy, personId }: Standing): Stage {
  if (state === "auto_known") return { stage: "done", why_not: "case_known" };
  if (!WORKABLE.includes(state)) return { stage: "done", why_not: "case_closed" };
  const stage = (["first", "second"] as const)[saved.length] ?? "third";
  // Two people means two people, whoever holds the case.
  if (saved.some(({ person_id }) => person_id === personId)) return { stage, why_not: "already_assessed" };
  if (takenBy !== null && takenBy !== personId) return { stage, why_not: "taken" };
  return { stage };
}
