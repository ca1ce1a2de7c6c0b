/** Addresses that stand in a text, so that messages can be compared with a set of addresses. */

import { URL_TEXT_MAX_CHARS } from "./spelling.ts";

/** Most addresses that are taken from one text; whoever sends more is told. */
export const URLS_IN_TEXT_MAX = 1_000;
/** How much punctuation behind an address is taken off; a line of brackets must not cost the square of its length. */
const LEFT_OVER_MAX_CHARS = 16;

export type FoundUrl = { url: string; start: number; end: number };
/** @property more - the text holds more addresses than were taken */
export type FoundUrls = { urls: FoundUrl[]; more: boolean };

const BEGIN = /https?:\/\//gi;
const OVER = /[\s<>"'`{}|\\^]/;
// What closes a sentence belongs to it, not to the address.
const CLOSING = /[.,;:!?…*_~]/;
const BRACKETS: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/**
 * http and https addresses as written, in order. Text without a scheme is not taken for an address.
 *
 * @param max - at most this many
 */
export function findUrls(text: string, max = URLS_IN_TEXT_MAX): FoundUrls {
  const urls: FoundUrl[] = [];
  BEGIN.lastIndex = 0;
  for (let begin = BEGIN.exec(text); begin !== null; begin = BEGIN.exec(text)) {
    if (urls.length === max) return { urls, more: true };
    const start = begin.index;
    const end = endOf(text, start + begin[0].length);
    if (end > start + begin[0].length) urls.push({ url: text.slice(start, end), start, end });
    // An address inside an address (`https://a.example/?to=https://b.example/`) is one as well: the search goes on inside.
  }
  return { urls, more: false };
}

function endOf(text: string, from: number): number {
  let end = from;
  const limit = Math.min(text.length, from + URL_TEXT_MAX_CHARS);
  while (end < limit && !OVER.test(text[end] as string)) end++;
  const least = Math.max(from, end - LEFT_OVER_MAX_CHARS);
  while (end > least && isLeftOver(text, from, end)) end--;
  return end;
}

function isLeftOver(text: string, from: number, end: number): boolean {
  const last = text[end - 1] as string;
  const opening = BRACKETS[last];
  if (opening === undefined) return CLOSING.test(last);
  // A bracket that the address itself opened is part of it.
  const address = text.slice(from, end);
  return address.split(last).length > address.split(opening).length;
}
