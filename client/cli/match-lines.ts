/** A hit as a person reads it on the terminal: who listed it, how it was checked, what this machine makes of it, what to do now. */

import { VERIFICATION_LEVELS } from "@breakwater/shared/vocab/entries.ts";
import { labelOf } from "@breakwater/shared/vocab/vocabulary.ts";
import type { Hit, NotCompared, WhyNotBlock } from "@breakwater/shared/wire/match.ts";
import type { Answered } from "../match/index.ts";
import type { Terminal } from "./terminal.ts";
import { formatTime, shortId } from "./words.ts";

type Matched = Exclude<Answered, { problem: unknown }>;

export function printMatched(terminal: Terminal, label: string, { hits, notCompared }: Matched): void {
  const left = notCompared.map(({ what, why }) => `${what} not compared: ${NOT_COMPARED[why]}`);
  if (terminal.json || hits.length === 0) {
    const fact = { path: label, hits, ...(notCompared.length === 0 ? {} : { not_compared: notCompared }) };
    const lines = left.map((line) => `  ${line}`);
    terminal.print(fact, terminal.mark(left.length === 0 ? "done" : "caution", `no match  ${label}`), ...lines);
    return;
  }
  for (const hit of hits) printHit(terminal, label, hit);
}

function printHit(terminal: Terminal, label: string, hit: Hit): void {
  const name = (word: string, width = 4) => terminal.label(word.padEnd(width));
  const id = shortId(hit.entry, terminal.full || !terminal.stdoutIsTty);
  terminal.print(
    {},
    terminal.mark("caution", `match  ${hit.set}  entry ${id}  release ${hit.release}`),
    `  ${name("file")}   ${label}`,
    `  ${name("how")}   ${describeHow(hit)}`,
    `  ${name("checked")}  ${describeChecks(hit)}`,
    `  ${name("mode")}   ${describeAction(hit)}`,
    `  ${name("next")}   ${hit.next}`,
    `  ${name("hit")}   ${hit.hit_ref}`,
  );
}

const EXACT = { md5: "MD5", sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" };
const SCOPES = { exact: "this address", path: "a path above it", host: "its host" };

function describeHow({ how, distance }: Hit): string {
  if ("layer" in how) return `term at ${how.start}–${how.end} (${how.layer})`;
  if ("scope" in how) return `URL, ${SCOPES[how.scope]}`;
  if (how.alg === "pdq") return `PDQ, distance ${distance} (act ${how.act_distance}, review ${how.review_distance})`;
  if (how.alg === "vpdq")
    return `video, ${how.seen_percent} % of it is in the listed one, ${how.listed_percent} % of that in it`;
  return `${EXACT[how.alg]}, the same file`;
}

function describeChecks({ verification: { level, people }, age_confirmed, handling, kind }: Hit): string {
  const word = labelOf(VERIFICATION_LEVELS, level);
  const checked =
    level === "hotline_verified" || level === "police_verified"
      ? `${word}, ${people} ${people === 1 ? "person" : "people"}`
      : level === "two_reviewed"
        ? `${people} people`
        : word;
  const age = kind === "hash" ? ` · age ${age_confirmed ? "confirmed" : "not confirmed"}` : "";
  return `${checked}${age} · ${handling}`;
}

/** By the code that a hit carries. */
export const WHY: Record<WhyNotBlock, string> = {
  allow_listed: "your allow list names it",
  clock_behind: "this machine's clock cannot be right, so the copy's age is not known",
  controls_unreadable: "this machine's controls cannot be read",
  entry_asks_less: "the publisher asks for no more",
  flood: "it suddenly hits far more than it used to",
  ledger_unwritable: "the decision could not be written down",
  mode_review: "a person decides",
  new_publisher: "the publisher is in its first 30 days",
  observed: "the set is observed",
  paused: "it is paused here",
  recalled: "taken back by the publisher",
  review_distance: "similar, not the same",
  roll_out: "outside the share that is rolled out",
  stale: "the copy is stale",
  test_set: "made-up data",
  weak_digest: "two files can be made to share this digest",
};

function describeAction({ action, why_not_block: why, recalled }: Hit): string {
  if (action === "block") return "block: your service may act on it";
  if (recalled !== undefined && why === "recalled") {
    const until = formatTime(new Date(recalled.until));
    return `${action}: taken back by the publisher until ${until} (recall ${recalled.recall}), nothing was blocked`;
  }
  return `${action}: ${why === undefined ? "" : `${WHY[why]}, `}nothing was blocked`;
}

const NOT_COMPARED: Record<NotCompared["why"], string> = {
  ambiguous: "rounding decides too many of its bits",
  copy_damaged: "a copy was changed on this machine",
  copy_unusable: "a copy that is here cannot be used (breakwater status says why)",
  cut_off: "it hits so much that only the nearest are shown",
  entry_unreadable: "a listed entry cannot be read by this version",
  left_out: "a copy was narrowed here (for all of it: breakwater sync --only all)",
  no_frames: "no frame says anything",
  no_set: "there is no set of that kind here",
  not_hashed: "it could not be decoded here (breakwater hash says why), so copies of it that were changed are missed",
  quality_too_low: "its quality is too low to say anything",
  too_long: "only its first two hours were",
};
