/** A batch's bytes to its answer's text: each item is checked, matched and decided by itself, in the order of the request. */

import { findUtf8 } from "@breakwater/shared/bytes.ts";
import { ExchangeError, formatProblem } from "@breakwater/shared/problem.ts";
import { parseWith } from "@breakwater/shared/schema.ts";
import {
  MATCH_BATCH_FRAMES_MAX,
  MATCH_FRAMES_MAX,
  MATCH_ITEMS_MAX,
  MATCH_TEXT_MAX_CHARS,
  MATCH_URL_MAX_CHARS,
  type MatchAnswer,
  MatchBatch,
  type MatchedItem,
  MatchItem,
} from "@breakwater/shared/wire/match.ts";
import { type Answered, type Asking, ask, type Matcher, type Question } from "../match/index.ts";
import type { Tally } from "./engine-messages.ts";

export function newTally(): Tally {
  return { items: { hashes: 0, text: 0, url: 0 }, hits: [], problems: {}, notCompared: {}, ledgerFailures: 0 };
}

/** @throws ExchangeError `json_invalid`, `request_invalid`, `match_not_ready`: the batch as a whole cannot be read */
export async function answerBatch(
  asking: Asking & { matcher: Pick<Matcher, "sets"> },
  bytes: Uint8Array,
  now: Date,
): Promise<{ answer: MatchAnswer; tally: Tally }> {
  const { items, country } = parseBatch(bytes);
  // No hits would read as "nothing is listed".
  if (asking.matcher.sets(now).length === 0) throw new ExchangeError("match_not_ready", { retry_after_s: 5 });
  const tally = newTally();
  const parsed = items.map((item) => parseItem(item, country));
  const questions = parsed.filter((one): one is Question => !("problem" in one));
  const answers = await ask(asking, questions, now, () => {
    tally.ledgerFailures += 1;
  });
  let next = 0;
  const answered = parsed.map((one, at) => {
    const result = "problem" in one ? one : (answers[next++] as Answered);
    return itemOf(result, refOf(items[at]));
  });
  for (const question of questions) countQuestion(tally, question);
  for (const item of answered) countItem(tally, item);
  return { answer: { items: answered }, tally };
}

function parseBatch(bytes: Uint8Array): { items: unknown[]; country?: string | undefined } {
  const text = findUtf8(bytes);
  if (text === undefined) throw new ExchangeError("json_invalid", { reason: "utf8" });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ExchangeError("json_invalid");
  }
  const count = Array.isArray((value as { items?: unknown } | null)?.items)
    ? (value as { items: unknown[] }).items.length
    : 0;
  if (count > MATCH_ITEMS_MAX)
    throw new ExchangeError("request_invalid", { path: "/items", max_items: MATCH_ITEMS_MAX });
  const batch = parseWith(MatchBatch, value, "request_invalid");
  // An item that is too long by itself is refused alone, and the others are matched.
  const lengths = batch.items.map(countFrames).filter((frames) => frames <= MATCH_FRAMES_MAX);
  const frames = lengths.reduce((sum, length) => sum + length, 0);
  if (frames > MATCH_BATCH_FRAMES_MAX)
    throw new ExchangeError("request_too_large", { path: "/items", max_frames: MATCH_BATCH_FRAMES_MAX });
  return batch;
}

/** As sent, before anything of the item is checked. */
function countFrames(item: unknown): number {
  const { vpdq } = (item as { hashes?: { vpdq?: unknown } | null } | null)?.hashes ?? {};
  return Array.isArray(vpdq) ? vpdq.length : 0;
}

/** Limits are named where they are passed, so that a caller can mend the item without reading documentation. */
function parseItem(item: unknown, country: string | undefined): Question | { problem: ExchangeError } {
  try {
    const { text, url } = (item ?? {}) as { text?: unknown; url?: unknown };
    if (typeof text === "string" && text.length > MATCH_TEXT_MAX_CHARS) {
      throw new ExchangeError("request_too_large", { path: "/text", max_chars: MATCH_TEXT_MAX_CHARS });
    }
    if (typeof url === "string" && url.length > MATCH_URL_MAX_CHARS) {
      throw new ExchangeError("url_invalid", { reason: "length", max_chars: MATCH_URL_MAX_CHARS });
    }
    if (countFrames(item) > MATCH_FRAMES_MAX) {
      throw new ExchangeError("request_too_large", { path: "/hashes/vpdq", max_frames: MATCH_FRAMES_MAX });
    }
    const parsed = parseWith(MatchItem, item, "request_invalid");
    const { ref, context } = parsed;
    const hashes = Object.keys(parsed.hashes ?? {}).length === 0 ? undefined : parsed.hashes;
    if (hashes === undefined && parsed.text === undefined && parsed.url === undefined) {
      throw new ExchangeError("request_invalid", { path: "/", reason: "nothing_to_compare" });
    }
    return { query: { hashes, text: parsed.text, url: parsed.url, context }, ref, country: parsed.country ?? country };
  } catch (error) {
    if (error instanceof ExchangeError) return { problem: error };
    throw error;
  }
}

/** A caller finds its item again by its own reference, also when the rest of it could not be read. */
function refOf(item: unknown): string | undefined {
  return MatchItem.shape.ref.safeParse((item as { ref?: unknown } | null)?.ref).data;
}

export function itemOf(result: Answered, ref: string | undefined): MatchedItem {
  const own = ref === undefined ? {} : { ref };
  if ("problem" in result) return { ...own, problem: formatProblem(result.problem) };
  const { hits, notCompared } = result;
  return { ...own, hits, ...(notCompared.length === 0 ? {} : { not_compared: notCompared }) };
}

export function countQuestion({ items }: Tally, { query }: Question): void {
  if (query.hashes !== undefined) items.hashes += 1;
  if (query.text !== undefined) items.text += 1;
  if (query.url !== undefined) items.url += 1;
}

export function countItem(tally: Tally, item: MatchedItem): void {
  if ("problem" in item) {
    const { code } = item.problem;
    tally.problems[code] = (tally.problems[code] ?? 0) + 1;
    return;
  }
  for (const { why } of item.not_compared ?? []) tally.notCompared[why] = (tally.notCompared[why] ?? 0) + 1;
  for (const { set, action } of item.hits) {
    const counted = tally.hits.find((one) => one.set === set && one.action === action);
    if (counted === undefined) tally.hits.push({ set, action, count: 1 });
    else counted.count += 1;
  }
}
