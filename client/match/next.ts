/** What to do now about a hit, in words, for one country: the first sentence is the next step, the rest what follows from it. */

import { getCountry } from "@breakwater/shared/vocab/country.ts";
import type { HumanReview, ReportDuty, RequestedAction } from "@breakwater/shared/vocab/entries.ts";
import { getProviderDuty } from "@breakwater/shared/vocab/provider-duties.ts";
import type { TermAction } from "@breakwater/shared/vocab/terms.ts";
import type { MatchAction, WhyNotBlock } from "@breakwater/shared/wire/match.ts";

export type NextInput = {
  action: MatchAction;
  why?: WhyNotBlock | undefined;
  requested: RequestedAction | TermAction;
  reportDuty: ReportDuty;
  humanReview: HumanReview;
  /** A term says something about words, never about a person. */
  isTerm: boolean;
  /** ISO 3166-1 alpha-2; undefined: nobody said. */
  country: string | undefined;
  /** When a recall in force ends, RFC 3339. */
  recalledUntil?: string | undefined;
};

const NOTHING: Partial<Record<WhyNotBlock, string>> = {
  test_set: "Do nothing: the set is made-up data for tests.",
  allow_listed: "Do nothing: your own allow list names this entry.",
  paused: "Do nothing on this alone: it is paused here, and somebody is looking into it.",
};

const ONLY_NOTED: Partial<Record<WhyNotBlock, string>> = {
  new_publisher: "Note it, nothing more: the publisher is in its first 30 days and only observed.",
  observed: "Note it, nothing more: the set is observed until you enable it.",
  roll_out: "Note it, nothing more: blocking is rolled out to a share of hits, and this one is outside it.",
};

const TO_A_REVIEWER: Partial<Record<WhyNotBlock, string>> = {
  clock_behind:
    "Show it to a reviewer and block nothing: this machine's clock is before the time when your copy was last verified, so nobody can say how old it is. Set the clock.",
  controls_unreadable: "Show it to a reviewer and block nothing: what was decided on this machine cannot be read.",
  flood: "Show it to a reviewer and block nothing: the entry suddenly hits far more often than it used to.",
  ledger_unwritable: "Show it to a reviewer and block nothing: the decision could not be written down.",
  review_distance: "Show it to a reviewer: it is similar to what is listed, not the same.",
  stale: "Show it to a reviewer and block nothing: your copy is stale. Sync it.",
  weak_digest:
    "Show it to a reviewer and block nothing: two different files can be made to share an MD5 or a SHA-1, and nothing stronger matched.",
};

const ACTED_ON: Record<RequestedAction | TermAction, string> = {
  block_remove_report: "Block and remove it.",
  remove_report: "Remove it.",
  hold_pending_age_confirmation: "Hold it back until somebody who can know has confirmed the age; do not delete it.",
  observe: "Note it, nothing more.",
  review: "Show it to a reviewer.",
  block: "Block it, and show where help is.",
  warn_and_signpost: "Warn, and show where help is.",
  suppress_autocomplete: "Leave it out of suggestions.",
};

/** Nobody is removed or judged by these: they need no reviewer first. */
const MILD = new Set<RequestedAction | TermAction>(["warn_and_signpost", "suppress_autocomplete"]);

/** Pure. */
export function describeNext(input: NextInput): string {
  const { why, action } = input;
  const nothing = why === undefined ? undefined : NOTHING[why];
  if (nothing !== undefined) return nothing;
  if (why === "recalled") return describeRecalled(input);
  const sentences = [firstStep(input), input.isTerm ? signpost(input) : report(input)];
  if (input.isTerm && action !== "observe") sentences.push("A term alone is no reason to act against a person.");
  return sentences.filter((sentence) => sentence !== "").join(" ");
}

function describeRecalled({ recalledUntil, action }: NextInput): string {
  const until = recalledUntil === undefined ? "" : ` until ${recalledUntil.slice(0, 16).replace("T", " ")} UTC`;
  const step = action === "observe" ? "Do nothing" : "Show it to a reviewer and block nothing";
  return `${step}: the publisher takes this entry back${until}. Do not act on it alone, and report nothing because of it.`;
}

function firstStep({ action, why, requested, humanReview }: NextInput): string {
  if (action === "observe") return (why && ONLY_NOTED[why]) ?? "Note it, nothing more.";
  // The file itself may be harmless: holding it back would be acting on it.
  if (why === "weak_digest") return TO_A_REVIEWER[why] as string;
  if (requested === "hold_pending_age_confirmation") return ACTED_ON[requested];
  if (why === "entry_asks_less" && MILD.has(requested)) return ACTED_ON[requested];
  if (action === "review") return (why && TO_A_REVIEWER[why]) ?? "Show it to a reviewer before anything follows.";
  if (humanReview === "required") return `Show it to a reviewer first. Then: ${lowerFirst(ACTED_ON[requested])}`;
  const after = humanReview === "recommended" ? " Have a person look at it afterwards." : "";
  return ACTED_ON[requested] + after;
}

function report({ action, reportDuty, humanReview, requested, country }: NextInput): string {
  if (reportDuty === "do_not_report") return "Do not report it.";
  // What is only watched has not been judged by anybody here; a report would be the list's word passed on.
  if (action === "observe") return "";
  const needsPerson =
    action === "review" || humanReview === "required" || requested === "hold_pending_age_confirmation";
  const verb = needsPerson ? "If confirmed, report" : "Report";
  if (country === undefined) {
    return reportDuty === "report"
      ? `${verb} it as your country's law says; name the country to be told where.`
      : "Check whether your country's law has you report it; name the country to be told where.";
  }
  const { duty, to: named, basis } = getProviderDuty(country);
  const to = named.replace(/^Your\b/, "your");
  if (duty === "unknown") {
    const step = reportDuty === "report" ? `${verb} it to ${to}.` : `Check whether to report it to ${to}.`;
    return `${step} No duty is on file for this country: ask your counsel.`;
  }
  return reportDuty === "report"
    ? `${verb} it to ${to} (${basis}).`
    : `Check whether it must be reported to ${to} (${basis}).`;
}

function signpost({ action, requested, country }: NextInput): string {
  if (action === "observe" || requested === "suppress_autocomplete" || requested === "review") return "";
  const { hotline, authority } = getCountry(country ?? "");
  return `Help and reporting: ${hotline ?? authority}.`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
