/** One entry line's members by position in the bytes: a set has millions of lines, and parsing each costs ten times as much. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { LINE_MAX_BYTES } from "@breakwater/shared/segment.ts";
import { AT, BY_LENGTH, LEVEL, LONGEST_NAME, MEMBERS, type Member, NAMES, VERIFICATION } from "./members.ts";

const LF = 0x0a;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const UPPER_E = 0x45;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const FIRST_PRINTABLE = 0x20;
/** Deeper than any schema of ours; what a newer one nests deeper than this is read by a newer program. */
const DEPTH_MAX = 32;

const ESCAPES = '"\\/bfnrt';
const FOUR_HEX = /^[0-9a-fA-F]{4}$/;

const [TRUE, FALSE, NULL] = ["true", "false", "null"].map((word) => new TextEncoder().encode(word)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/**
 * Reads lines in the form in which a publisher signs them: one JSON object, no space between its tokens. Whatever is
 * not that is refused, so a quoted or nested look-alike of a member is never taken for the member.
 */
export class LineScanner {
  /** Where each member's value begins and ends, a text's quotes left out; 0 when the line does not have it. */
  readonly from = new Int32Array(MEMBERS.length);
  readonly until = new Int32Array(MEMBERS.length);
  /** Of `verification.level`; 0 when there is none. */
  levelFrom = 0;
  levelUntil = 0;
  /** Does a text among the members have an escape? It is then rare enough to be parsed. */
  escaped = 0;
  readonly #bytes: Uint8Array;
  #stringEnd = 0;
  #hasEscape = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * @param start - where the line begins
   * @returns where the next one does
   * @throws ExchangeError `segment_line`
   */
  read(start: number): number {
    const bytes = this.#bytes;
    this.from.fill(0);
    this.levelFrom = 0;
    this.escaped = 0;
    if (bytes[start] !== OPEN_BRACE) throw fault(bytes[start] === LF ? "empty" : "object");
    let at = start + 1;
    if (bytes[at] === CLOSE_BRACE) throw fault("id");
    for (;;) {
      const keyFrom = at + 1;
      this.#skipString(at);
      // JCS writes no letter of a name as an escape: one that does would be a second spelling of a member.
      if (this.#hasEscape) throw fault("key");
      const keyUntil = this.#stringEnd;
      if (bytes[keyUntil + 1] !== COLON) throw fault("json");
      const member = this.#memberOf(keyFrom, keyUntil);
      const valueFrom = keyUntil + 2;
      at = member === VERIFICATION ? this.#readVerification(valueFrom) : this.#skipValue(valueFrom, 0);
      if (member >= 0) this.#note(member, valueFrom, at);
      const next = bytes[at];
      if (next === CLOSE_BRACE) break;
      if (next !== COMMA) throw fault("json");
      at += 1;
    }
    if (bytes[at + 1] !== LF) throw fault("json");
    if (at + 1 - start > LINE_MAX_BYTES) throw fault("length");
    return at + 2;
  }

  has(member: Member): boolean {
    return this.from[AT[member]] !== 0;
  }

  fromOf(member: Member): number {
    return this.from[AT[member]] as number;
  }

  untilOf(member: Member): number {
    return this.until[AT[member]] as number;
  }

  /** A member that is a text; undefined when the line does not have it. */
  textOf(member: Member): string | undefined {
    if (!this.has(member)) return undefined;
    const text = this.text(this.fromOf(member), this.untilOf(member));
    return (this.escaped & (1 << AT[member])) === 0 ? text : (JSON.parse(`"${text}"`) as string);
  }

  text(from: number, until: number): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, until - from).toString("utf8");
  }

  /** A member that is a small whole number; `absent` when the line does not have it. */
  numberOf(member: Member, absent: number): number {
    const [from, until] = [this.fromOf(member), this.untilOf(member)];
    if (from === 0) return absent;
    let number = 0;
    for (let digit = from; digit < until; digit++) {
      const byte = this.#bytes[digit] as number;
      if (byte < ZERO || byte > NINE || digit - from > 8) throw fault(member);
      number = number * 10 + byte - ZERO;
    }
    return number;
  }

  #note(member: number, from: number, until: number): void {
    // A second one would be read by a JSON parser, and the first one by us.
    if (this.from[member] !== 0) throw fault("member_twice");
    const isText = this.#bytes[from] === QUOTE;
    this.from[member] = isText ? from + 1 : from;
    this.until[member] = isText ? until - 1 : until;
    if (isText && this.#hasEscape) this.escaped |= 1 << member;
  }

  #memberOf(from: number, until: number): number {
    const length = until - from;
    if (length > LONGEST_NAME) return -1;
    for (const member of BY_LENGTH[length] as number[]) {
      if (this.#isName(NAMES[member] as Uint8Array, from)) return member;
    }
    return -1;
  }

  #isName(name: Uint8Array, from: number): boolean {
    for (let at = 0; at < name.length; at++) if (this.#bytes[from + at] !== name[at]) return false;
    return true;
  }

  /** As #skipValue, and notes where the level stands. */
  #readVerification(from: number): number {
    const bytes = this.#bytes;
    if (bytes[from] !== OPEN_BRACE) throw fault("verification");
    let at = from + 1;
    if (bytes[at] === CLOSE_BRACE) return at + 1;
    for (;;) {
      const keyFrom = at + 1;
      this.#skipString(at);
      const keyUntil = this.#stringEnd;
      if (this.#hasEscape || bytes[keyUntil + 1] !== COLON) throw fault("verification");
      at = this.#skipValue(keyUntil + 2, 1);
      if (keyUntil - keyFrom === LEVEL.length && this.#isName(LEVEL, keyFrom)) {
        if (this.levelFrom !== 0 || bytes[keyUntil + 2] !== QUOTE) throw fault("verification");
        this.levelFrom = keyUntil + 3;
        this.levelUntil = at - 1;
      }
      if (bytes[at] === CLOSE_BRACE) return at + 1;
      if (bytes[at] !== COMMA) throw fault("json");
      at += 1;
    }
  }

  /** @returns what follows the value */
  #skipValue(from: number, depth: number): number {
    switch (this.#bytes[from]) {
      case QUOTE:
        this.#skipString(from);
        return this.#stringEnd + 1;
      case OPEN_BRACE:
        return this.#skipMembers(from + 1, depth + 1);
      case OPEN_BRACKET:
        return this.#skipItems(from + 1, depth + 1);
      case LOWER_T:
        return this.#skipWord(from, TRUE);
      case LOWER_F:
        return this.#skipWord(from, FALSE);
      case LOWER_N:
        return this.#skipWord(from, NULL);
      default:
        return this.#skipNumber(from);
    }
  }

  #skipString(from: number): void {
    const bytes = this.#bytes;
    if (bytes[from] !== QUOTE) throw fault("json");
    let at = from + 1;
    this.#hasEscape = false;
    for (;;) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte === undefined || byte < FIRST_PRINTABLE) throw fault("json");
      if (byte === BACKSLASH) {
        this.#hasEscape = true;
        at += this.#escapeLength(at + 1);
      }
      at += 1;
    }
    this.#stringEnd = at;
  }

  /** RFC 8259 §7: one of eight letters, or `u` and four hex digits. */
  #escapeLength(at: number): number {
    const letter = String.fromCharCode(this.#bytes[at] ?? 0);
    if (ESCAPES.includes(letter)) return 1;
    const isUnicode = letter === "u" && FOUR_HEX.test(this.text(at + 1, Math.min(at + 5, this.#bytes.length)));
    if (!isUnicode) throw fault("json");
    return 5;
  }

  #skipMembers(from: number, depth: number): number {
    const bytes = this.#bytes;
    if (depth > DEPTH_MAX) throw fault("depth");
    if (bytes[from] === CLOSE_BRACE) return from + 1;
    for (let at = from; ; at += 1) {
      this.#skipString(at);
      if (bytes[this.#stringEnd + 1] !== COLON) throw fault("json");
      at = this.#skipValue(this.#stringEnd + 2, depth);
      if (bytes[at] === CLOSE_BRACE) return at + 1;
      if (bytes[at] !== COMMA) throw fault("json");
    }
  }

  #skipItems(from: number, depth: number): number {
    const bytes = this.#bytes;
    if (depth > DEPTH_MAX) throw fault("depth");
    if (bytes[from] === CLOSE_BRACKET) return from + 1;
    for (let at = from; ; at += 1) {
      at = this.#skipValue(at, depth);
      if (bytes[at] === CLOSE_BRACKET) return at + 1;
      if (bytes[at] !== COMMA) throw fault("json");
    }
  }

  #skipWord(from: number, word: Uint8Array): number {
    if (!this.#isName(word, from)) throw fault("json");
    return from + word.length;
  }

  /** RFC 8259 §6. */
  #skipNumber(from: number): number {
    const bytes = this.#bytes;
    const first = bytes[from] === MINUS ? from + 1 : from;
    let at = this.#skipDigits(first);
    if (bytes[first] === ZERO && at > first + 1) throw fault("json");
    if (bytes[at] === DOT) at = this.#skipDigits(at + 1);
    if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
      const sign = bytes[at + 1];
      at = this.#skipDigits(sign === PLUS || sign === MINUS ? at + 2 : at + 1);
    }
    return at;
  }

  #skipDigits(from: number): number {
    const bytes = this.#bytes;
    let at = from;
    while ((bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at += 1;
    if (at === from) throw fault("json");
    return at;
  }
}

function fault(reason: string): ExchangeError {
  return new ExchangeError("segment_line", { reason });
}
