/** Canonical JSON (RFC 8785) for strings, safe integers, booleans, null, arrays and objects; nothing here has fractions. */

import { findUtf8 } from "./bytes.ts";
import { ExchangeError } from "./problem.ts";

/** Deeper than any document of ours, far from any engine's stack. */
export const JCS_MAX_DEPTH = 32;

/**
 * The canonical text of a value.
 *
 * Members sort by UTF-16 code units (RFC 8785 §3.2.3), which is what JavaScript compares strings by. Strings and
 * integers need no work of ours: ECMAScript's own serialisation is what the RFC refers to.
 *
 * @throws ExchangeError `jcs_invalid` for what our documents never hold: fractions, unsafe integers, minus zero,
 *   undefined, lone surrogates, functions, other objects, more than {@link JCS_MAX_DEPTH} levels
 */
export function jcs(value: unknown): string {
  return write(value, JCS_MAX_DEPTH);
}

function write(value: unknown, depthLeft: number): string {
  if (depthLeft < 0) throw new ExchangeError("jcs_invalid", { reason: "depth" });
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return writeString(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw new ExchangeError("jcs_invalid", { reason: "number" });
    }
    return String(value);
  }
  if (Array.isArray(value)) return `[${Array.from(value, (item) => write(item, depthLeft - 1)).join(",")}]`;
  if (typeof value === "object" && isPlain(value)) return writeObject(value, depthLeft);
  throw new ExchangeError("jcs_invalid", { reason: "type" });
}

function writeString(text: string): string {
  // JSON.stringify would spell a lone surrogate as an escape; RFC 8785 §3.2.2.2 wants an error.
  if (!text.isWellFormed()) throw new ExchangeError("jcs_invalid", { reason: "surrogate" });
  return JSON.stringify(text);
}

function writeObject(value: object, depthLeft: number): string {
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${writeString(name)}:${write(member, depthLeft - 1)}`).join(",")}}`;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The value of canonical bytes, and a refusal of any other spelling: repeated members (JSON.parse would keep the last
 * one silently), fractions, white space, odd escapes, a byte order mark.
 *
 * @throws ExchangeError `jcs_invalid`
 */
export function parseJcs(bytes: Uint8Array): unknown {
  const text = findUtf8(bytes);
  if (text === undefined) throw new ExchangeError("jcs_invalid", { reason: "utf8" });
  return parseJcsText(text);
}

/** As {@link parseJcs}, for text that is decoded already (a segment's line). */
export function parseJcsText(text: string): unknown {
  const value = parseJson(text);
  if (jcs(value) !== text) throw new ExchangeError("jcs_invalid", { reason: "spelling" });
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Engines quote the text in their message, and it may be a signal: keep the fact, not the words.
    throw new ExchangeError(
      "jcs_invalid",
      { reason: "json" },
      { cause: cause instanceof Error ? cause.name : undefined },
    );
  }
}
