/** Terms that name persons: known by a keyed digest only, so a text is compared word by word under the key (HMAC-SHA-256). */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { hexOf, utf8Of } from "../../bytes.ts";
import { CHARACTER, foldOf, foldText, IGNORED, KIND_MASK, kindOf, sizeOf, WORD } from "./fold.ts";

/** Most words of a name. */
export const KEYED_WORDS_MAX = 4;
/** Longer words are no part of a name. */
export const KEYED_WORD_MAX_CHARS = 64;
/** Most that may stand between two words of a name: a full stop and a space, a hyphen. */
export const KEYED_GAP_MAX_CHARS = 3;
const REMEMBERED_MAX = 20_000;

export type KeyedTerm = { at: number; key: string; value: string; isPhrase: boolean };
export type KeyedHit = { at: number; start: number; end: number };

/** What is digested for a name: its words, folded, with one space between; undefined where it has none or too many. */
export function keyedWords(text: string): string | undefined {
  const words = foldText(text).match(/[\p{L}\p{N}\p{M}]+/gu);
  return words === null || words.length > KEYED_WORDS_MAX ? undefined : words.join(" ");
}

/** The `value` of a term's `digest`. */
export function keyedDigest(key: Uint8Array, words: string): string {
  return hexOf(hmac(sha256, key, utf8Of(words)));
}

type Word = { text: string; start: number; end: number };

/** Digests of the words just read; one for all texts, as names come again. */
export type KeyedIndex = { maxWords: number; find(words: readonly string[]): number[] };

export function buildKeyedIndex(terms: readonly KeyedTerm[], keys: Readonly<Record<string, Uint8Array>>): KeyedIndex {
  const byKey = new Map<string, Map<string, KeyedTerm[]>>();
  for (const term of terms) {
    const values = byKey.get(term.key) ?? new Map<string, KeyedTerm[]>();
    values.set(term.value, [...(values.get(term.value) ?? []), term]);
    byKey.set(term.key, values);
  }
  const remembered = new Map<string, number[]>();
  function find(words: readonly string[]): number[] {
    const text = words.join(" ");
    const known = remembered.get(text);
    if (known !== undefined) return known;
    const found: number[] = [];
    for (const [key, values] of byKey) {
      for (const term of values.get(keyedDigest(keys[key] as Uint8Array, text)) ?? [])
        if (term.isPhrase || words.length === 1) found.push(term.at);
    }
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(text, found);
    return found;
  }
  return { maxWords: terms.some(({ isPhrase }) => isPhrase) ? KEYED_WORDS_MAX : 1, find };
}

/** Reads a text in pieces and gives the names in it; positions are of the whole text. */
export class KeyedReader {
  readonly #index: KeyedIndex;
  #words: Word[] = [];
  #word: Word | undefined;

  constructor(index: KeyedIndex) {
    this.#index = index;
  }

  /** @param offset - where `text` stands in the whole. A pair of surrogates may not be cut in two. */
  read(text: string, from: number, to: number, offset: number, found: KeyedHit[]): void {
    for (let at = from; at < to; ) {
      const codePoint = text.codePointAt(at) as number;
      const size = sizeOf(codePoint);
      const kind = kindOf(codePoint);
      const isCharacter = (kind & KIND_MASK) === CHARACTER;
      if (isCharacter && (kind & WORD) !== 0) {
        this.#word ??= { text: "", start: offset + at, end: 0 };
        if (this.#word.text.length <= KEYED_WORD_MAX_CHARS) this.#word.text += foldOf(codePoint);
        this.#word.end = offset + at + size;
      } else if ((kind & KIND_MASK) !== IGNORED) {
        this.#close(found);
        // A symbol that is neither letter nor separator ends a name.
        if (isCharacter) this.#words = [];
      }
      at += size;
    }
  }

  end(found: KeyedHit[]): void {
    this.#close(found);
  }

  #close(found: KeyedHit[]): void {
    const word = this.#word;
    if (word === undefined) return;
    this.#word = undefined;
    const last = this.#words.at(-1);
    const isNear = last !== undefined && word.start - last.end <= KEYED_GAP_MAX_CHARS;
    this.#words = isNear ? [...this.#words.slice(1 - this.#index.maxWords || this.#words.length), word] : [word];
    if (word.text.length > KEYED_WORD_MAX_CHARS) {
      this.#words = [];
      return;
    }
    for (let count = 1; count <= this.#words.length; count++) {
      const words = this.#words.slice(-count);
      for (const at of this.#index.find(words.map(({ text }) => text)))
        found.push({ at, start: (words[0] as Word).start, end: word.end });
    }
  }
}
