/** Bytes and their spellings: hex, base64url, UTF-8; constant-time equality; SHA-256 by the platform. */

import { ExchangeError } from "./problem.ts";

/** Bytes over a plain ArrayBuffer, as WebCrypto and streams want them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** `sha256:` and 64 lower-case hex digits: the only spelling of a digest in any document. */
export type Digest = `sha256:${string}`;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const HEX_PATTERN = /^(?:[0-9a-f]{2})*$/;
const BASE64URL_PATTERN = /^[A-Za-z0-9_-]*$/;
const DIGEST_PATTERN = /^sha256:[0-9a-f]{64}$/;
// String.fromCharCode takes its arguments from the stack; 32 Ki of them are safe in every engine.
const FROM_CHAR_CODE_STEP = 0x8000;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function hexOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += HEX[byte];
  return hex;
}

/** @throws ExchangeError `id_invalid` unless the text is an even number of lower-case hex digits */
export function parseHex(hex: string): Bytes {
  if (!HEX_PATTERN.test(hex)) throw new ExchangeError("id_invalid", { expected: "lower-case hex" });
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function base64urlOf(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += FROM_CHAR_CODE_STEP) {
    binary += String.fromCharCode(...bytes.subarray(at, at + FROM_CHAR_CODE_STEP));
  }
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Strict base64url: no padding, no white space, and no second spelling of the same bytes (RFC 4648 §3.5: the
 * unused bits of the last digit are zero), so that one value has one text.
 *
 * @returns undefined when the text is not that
 */
export function findBase64url(text: string): Bytes | undefined {
  if (!BASE64URL_PATTERN.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return base64urlOf(bytes) === text ? bytes : undefined;
}

export function utf8Of(text: string): Bytes {
  return encoder.encode(text) as Bytes;
}

/** @returns undefined when the bytes are not UTF-8; a byte order mark is kept, never swallowed */
export function findUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // the only thing a fatal decoder throws for
  }
}

export function concatBytes(parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Equality in time that depends on the length only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

export async function sha256(bytes: Uint8Array): Promise<Bytes> {
  // WebCrypto's types refuse a view over shared memory, which nothing here ever makes.
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Bytes));
}

export async function digestOf(bytes: Uint8Array): Promise<Digest> {
  return `sha256:${hexOf(await sha256(bytes))}`;
}

export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && DIGEST_PATTERN.test(value);
}

/** @throws ExchangeError `digest_invalid` */
export function parseDigest(value: unknown): Digest {
  if (!isDigest(value)) throw new ExchangeError("digest_invalid");
  return value;
}

/** The 64 hex digits of a digest, as they stand in a blob's address. */
export function digestHex(digest: Digest): string {
  return digest.slice("sha256:".length);
}
