/** What each state of a copy means, in one sentence, and what a person does about it. */

import { PROBLEMS, type ProblemCode } from "@breakwater/shared/problem.ts";
import { lowerFirst } from "./failure.ts";

export type Explained = { why: string; todo: string };

type Place = { set: string; publisher: string; detail?: Record<string, unknown> | undefined };
type Explain = (place: Place) => Explained;

const TELL_OTHERS =
  "tell other members and the exchange's operator; the proof lies in the evidence folder of the log in the state folder";

const BY_CODE: Partial<Record<ProblemCode, Explain>> = {
  bundle_invalid: () => ({
    why: "The log's entries are missing or not as long as the log says.",
    todo: "try again later; if it stays so, tell the exchange's operator",
  }),
  clock: () => ({
    why: "This machine's clock is wrong, so nothing can be said about age.",
    todo: "set the clock, then: breakwater sync",
  }),
  copy_damaged: ({ set }) => ({
    why: "Files of the copy are not those that were verified, so they are not used.",
    todo: `breakwater sync --fresh ${set}`,
  }),
  cp_fork: () => ({
    why: "The log showed two different histories of one size: somebody is being lied to.",
    todo: TELL_OTHERS,
  }),
  cp_inconsistent: () => ({
    why: "The log no longer contains what it contained before: its history was changed.",
    todo: TELL_OTHERS,
  }),
  cp_origin: () => ({
    why: "The checkpoint is another log's.",
    todo: "ask the exchange's operator; a new log is pinned with: breakwater pin --log-vkey VKEY",
  }),
  cp_rollback: () => ({
    why: "The log is smaller than it was: the exchange shows an old state.",
    todo: "try again later; if it stays so, tell the exchange's operator",
  }),
  cp_sig: () => ({
    why: "The checkpoint is not signed by the pinned key of the log.",
    todo: "ask the exchange's operator in another way; a new key is pinned with: breakwater pin --log-vkey VKEY",
  }),
  cp_format: () => ({
    why: "What the log shows as its checkpoint cannot be read.",
    todo: "try again later; if it stays so, tell the exchange's operator",
  }),
  fetch_failed: ({ set }) => ({
    why: "The exchange could not be reached.",
    todo: `look at the network, then: breakwater sync ${set}`,
  }),
  not_logged: ({ detail = {}, publisher }) => ({
    why:
      typeof detail.recall === "number"
        ? `Recall ${detail.recall} is applied, but the log has not shown it for more than a day.`
        : "The exchange offers a release that is not in its log; the log's own is used.",
    todo: `tell ${publisher} and the exchange's operator; what was offered is kept in the evidence folder`,
  }),
  policy_benign: ({ set }) => ({
    why: "A new entry is one of your own harmless files, or looks like one.",
    todo: `tell the publisher the entry's id; to let the release through all the same: breakwater release-hold ${set}`,
  }),
  policy_degenerate: ({ set }) => ({
    why: "A new perceptual hash matches far too much.",
    todo: `tell the publisher the entry's id; to let the release through all the same: breakwater release-hold ${set}`,
  }),
  policy_growth: ({ set, detail = {} }) => ({
    why: `The set grew by ${detail.percent ?? "more than 20"} % at once; your limit is ${detail.limit_percent ?? 20} %.`,
    todo: `ask the publisher whether that is meant, then: breakwater release-hold ${set}`,
  }),
  policy_removal: ({ set, detail = {} }) => ({
    why: `The release removes ${detail.percent ?? "more than 5"} % of the set; your limit is ${detail.limit_percent ?? 5} %.`,
    todo: `ask the publisher whether that is meant, then: breakwater release-hold ${set}`,
  }),
  policy_new: ({ set }) => ({
    why: "The publisher is in its first 30 days, so its sets are only observed.",
    todo: `to use it for more: breakwater release-hold ${set}`,
  }),
  policy_type: ({ set }) => ({
    why: "The set has become one of another kind.",
    todo: `ask the publisher whether that is meant, then: breakwater release-hold ${set}`,
  }),
  recall_gap: ({ publisher }) => ({
    why: "The exchange announces a recall and does not hand it out.",
    todo: `ask ${publisher} which entries it takes back, and tell the exchange's operator`,
  }),
  release_expired: ({ publisher }) => ({
    why: "The publisher's newest release has run out, or newer ones are kept from you.",
    todo: `ask ${publisher} for a new release`,
  }),
  root_expired: ({ publisher }) => ({
    why: "The publisher's keys have run out.",
    todo: `ask ${publisher} for a new root`,
  }),
  root_missing: ({ publisher }) => ({
    why: "The log has no root of the publisher that fits the pin.",
    todo: `compare the pin with your agreement: breakwater pin; ask ${publisher} which log it uses`,
  }),
  root_pin: ({ publisher }) => ({
    why: "The publisher's root is not the one that was pinned.",
    todo: `compare the pin with your agreement, and tell ${publisher}, before anything else`,
  }),
  withheld: ({ publisher }) => ({
    why: "The exchange offers an older release than the log shows; the log's is used.",
    todo: `tell ${publisher} and the exchange's operator`,
  }),
};

const SPOKE_TWICE = new Set<ProblemCode>([
  "release_chain",
  "release_closed",
  "release_fork",
  "release_gap",
  "release_root",
  "release_rollback",
  "release_time",
]);
const ROOT_TROUBLE = new Set<ProblemCode>(["root_chain", "root_fork", "root_gap", "root_log"]);

export function explainCode(code: ProblemCode, place: Place): Explained {
  const known = BY_CODE[code];
  if (known !== undefined) return known(place);
  const title = lowerFirst(PROBLEMS[code].title);
  if (SPOKE_TWICE.has(code)) {
    return {
      why: `The publisher signed releases that cannot all be true: ${title}.`,
      todo: `ask ${place.publisher} which one counts; its newest is taken with: breakwater release-hold ${place.set}`,
    };
  }
  if (ROOT_TROUBLE.has(code)) {
    return {
      why: `The publisher's keys were changed in a way that cannot be right: ${title}.`,
      todo: `ask ${place.publisher} in another way; a root that it names is pinned with: breakwater pin ${place.publisher} --digest DIGEST`,
    };
  }
  return { why: `${PROBLEMS[code].title}.`, todo: `breakwater help ${code}` };
}
