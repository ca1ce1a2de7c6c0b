/** A log entry at a first glance: in whose name it speaks. Nothing is believed; most leaves are somebody else's. */

import { createHash } from "node:crypto";
import { type Digest, findBase64url } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";

/** @property payload - parsed without any check; only `publisher` was looked at */
export type Leaf = { index: number; bytes: Uint8Array; payload: Record<string, unknown> };

/** The leaf's claim, or undefined for bytes that are no envelope of anybody's. */
export function glanceAt(index: number, bytes: Uint8Array): (Leaf & { publisher: string }) | undefined {
  const envelope = findObject(new TextDecoder().decode(bytes));
  const payloadBytes = typeof envelope?.payload === "string" ? findBase64url(envelope.payload) : undefined;
  const payload = payloadBytes && findObject(new TextDecoder().decode(payloadBytes));
  if (typeof payload?.publisher !== "string") return undefined;
  return { index, bytes, payload, publisher: payload.publisher };
}

function findObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export type LeafForm = { typ: string; payloadBytes: Uint8Array; digest: Digest };

/** The envelope's strict form. @returns the code of the refusal when it does not have it */
export function formOf({ bytes }: Leaf): LeafForm | ProblemCode {
  try {
    const { protectedHeaders, payloadBytes } = parseEnvelope(bytes);
    const [{ typ } = { typ: "" }, ...others] = protectedHeaders;
    if (others.some((header) => header.typ !== typ)) return "envelope_typ";
    return { typ, payloadBytes, digest: digestNow(payloadBytes) };
  } catch (error) {
    if (error instanceof ExchangeError) return error.code;
    throw error;
  }
}

/** As digestOf, but at once: ten thousand statements at a tail, and a promise costs more than the hash. */
function digestNow(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Envelopes are canonical JSON, so their text is their bytes. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
