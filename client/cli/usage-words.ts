/** What was wrong with the words of a command, in a sentence that names the option and what it takes. */

import type { ExchangeError } from "@breakwater/shared/problem.ts";
import { SIGNAL_ALGS } from "@breakwater/shared/signals/index.ts";
import { VERIFICATION_LEVELS } from "@breakwater/shared/vocab/entries.ts";
import { OPINION_REASONS } from "@breakwater/shared/vocab/opinions.ts";
import { WITHDRAWAL_REASONS } from "@breakwater/shared/vocab/reasons.ts";
import { SET_KINDS, STREAMS, TIERS } from "@breakwater/shared/vocab/sets.ts";
import { TERM_CONTEXTS } from "@breakwater/shared/vocab/terms.ts";

const words = (table: object) => Object.keys(table).join(", ");
const time = (option: string, examples: string) => `${option} needs a time, such as ${examples}`;

/** By the reason that the refusal carries; what a person typed is never repeated. */
const USAGE: Record<string, string> = {
  a_rejection_needs_a_reason: `--verdict rejected needs --reason and one of ${words(OPINION_REASONS)}`,
  act_of_pause: "--act takes review or observe",
  act_of_set: "--act takes observe, review or block",
  an_entry_or_a_hit_reference: "name either an entry, as publisher/set#id, or --hit and a reference",
  context: `--context takes one of ${words(TERM_CONTEXTS)}`,
  country: "--country takes two letters, such as DE",
  entry_file_or_digests_is_missing: "say what: --entry, --file or --digests",
  entry_file_or_release_is_missing: "say what: --entry, --file or --release",
  entry_release_or_publisher_is_missing: "say what: --entry, --release or --publisher",
  entry_release_publisher_hit_or_taken_back: "say what: --entry, --release, --publisher, --hit or --taken-back",
  every: "--every takes at least 1 second",
  format: "--format takes csv or ndjson",
  from_is_missing: "name the list with --from",
  hit_exit: "--hit-exit takes a number from 0 to 255",
  list_is_csv_or_ndjson: "the file's name does not say what it is: --format csv or --format ndjson",
  min_verification: `--min-verification takes one of ${words(VERIFICATION_LEVELS)}, or all`,
  not_a_time_since: time("--since", "7d, 24h, 2026-11-22 or 2026-11-22T14:00Z"),
  not_a_time_until: time("--until", "24h, 7d or 2026-11-22T14:00Z"),
  not_valid_audience_tier: `--tier takes one of ${words(TIERS)}`,
  not_valid_audience_members: "--member takes names of members, and --tier named needs them",
  not_valid_kind: `--kind takes one of ${words(SET_KINDS)}`,
  not_valid_stream: `--stream takes one of ${words(STREAMS)}`,
  nothing_to_look_up: "name files, or hashes with --hash",
  number: "a number from 1 to 999999 was expected",
  only: `--only takes algorithms with commas between them, or all: ${SIGNAL_ALGS.join(", ")}`,
  only_a_rejection_has_a_reason: "--reason goes with --verdict rejected alone",
  opinion_reason: `--reason takes one of ${words(OPINION_REASONS)}`,
  ratio: "--ratio takes a share above 0, such as 10% or 0.1, up to 100%",
  since_lies_ahead: "--since lies ahead",
  text_or_url: "--text and --url do not go together",
  until_is_over: "--until is over already",
  verdict: "--verdict takes confirmed, rejected or unclear",
  wait: "--wait takes whole seconds",
  withdrawal_reason: `--reason takes one of ${words(WITHDRAWAL_REASONS)}`,
  webhook_url: "the receiver's address cannot be used",
  webhook_url_insecure: "the receiver needs an https address; plain http is for this machine alone",
};

/** @returns undefined when there is nothing better to say than the problem's title */
export function describeUsage({ code, detail }: ExchangeError): string | undefined {
  if (code === "usage_invalid") return USAGE[String(detail.reason)];
  if (code !== "id_invalid" || typeof detail.expected !== "string") return undefined;
  return `this is not a name of the form ${detail.expected}`;
}
