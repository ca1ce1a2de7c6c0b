/** One door for whoever asks about content: match, decide, write the decisions down, and only then answer. */

import { randomBytes } from "node:crypto";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Hit, NotCompared } from "@breakwater/shared/wire/match.ts";
import type { Acted, Acting } from "../controls/acting.ts";
import type { Matched, Query } from "./found.ts";
import { byAction, candidateOf, digestsOf, hitOf } from "./hit.ts";
import type { Matcher } from "./matcher.ts";

/** What the ledger says of content that came without a reference of its own. */
const NAMELESS_BYTES = 8;

export type Question = {
  query: Query;
  /** The caller's own reference to its content. */
  ref?: string | undefined;
  country?: string | undefined;
};
export type Answered = { hits: Hit[]; notCompared: NotCompared[] } | { problem: ExchangeError };
export type Asking = { matcher: Pick<Matcher, "match">; acting: Pick<Acting, "decide" | "record"> };

/** @returns in the order of the questions; one that cannot be asked is answered by its problem */
export async function ask(
  { matcher, acting }: Asking,
  questions: readonly Question[],
  now: Date,
  onLedgerFailure: () => void = () => undefined,
): Promise<Answered[]> {
  const matched = questions.map((question) => matchOne(matcher, question, now));
  return answerMatched(acting, questions, matched, now, onLedgerFailure);
}

/** As {@link ask}, for what was matched already: a text that was read as it came. */
export async function answerMatched(
  acting: Asking["acting"],
  questions: readonly Question[],
  matched: readonly (Matched | ExchangeError)[],
  now: Date,
  onLedgerFailure: () => void = () => undefined,
): Promise<Answered[]> {
  const candidates = matched.flatMap((one, at) => {
    if (one instanceof ExchangeError || one.found.length === 0) return [];
    const { ref, query } = questions[at] as Question;
    const content = ref ?? `nameless-${randomBytes(NAMELESS_BYTES).toString("hex")}`;
    const digests = digestsOf(query.hashes);
    return one.found.map((found) => candidateOf(found, content, digests, one.found));
  });
  const acted = candidates.length === 0 ? [] : await decideAndRecord(acting, candidates, now, onLedgerFailure);
  let next = 0;
  return matched.map((one, at) => {
    if (one instanceof ExchangeError) return { problem: one };
    const hits = one.found.map((found) => hitOf(found, acted[next++] as Acted, questions[at]?.country));
    return { hits: hits.sort(byAction), notCompared: one.notCompared };
  });
}

function matchOne(matcher: Asking["matcher"], { query, country }: Question, now: Date): Matched | ExchangeError {
  try {
    return matcher.match({ country, ...query }, now);
  } catch (error) {
    if (error instanceof ExchangeError) return error;
    throw error;
  }
}

async function decideAndRecord(
  acting: Asking["acting"],
  candidates: Parameters<Acting["decide"]>[0],
  now: Date,
  onLedgerFailure: () => void,
): Promise<Acted[]> {
  const acted = acting.decide(candidates, now);
  try {
    await acting.record();
    return acted;
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== "ledger_unwritable") throw error;
    onLedgerFailure();
    // What nobody could take back later is not acted on (rule 4).
    return acted.map((one) => (one.action === "block" ? { ...one, action: "review", why: "ledger_unwritable" } : one));
  }
}
