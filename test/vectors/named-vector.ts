/** A vector with its file's name, and the spellings that vectors use. */

import { findUtf8, utf8Of } from "../../shared/bytes.ts";
import { jcs } from "../../shared/jcs.ts";
import type { Given, Spelled, Vector, VectorFormat } from "../../shared/vectors/run.ts";

export type NamedVector = Vector & { name: string };

export const VECTOR_FORMATS: VectorFormat[] = [
  "about",
  "assessment",
  "comparison",
  "delta",
  "ed25519",
  "entry",
  "envelope",
  "id",
  "imagery",
  "index",
  "jcs",
  "key",
  "log-bundle",
  "log-checkpoint",
  "log-consistency",
  "log-inclusion",
  "log-note",
  "log-proof",
  "log-tile",
  "log-vkey",
  "manifest",
  "recall",
  "recall-list",
  "receipt",
  "release",
  "report",
  "reported_url",
  "root",
  "segment",
  "state",
  "term_match",
  "url_match",
];

/** The file is named after the title. */
export function vector<Format extends VectorFormat>(
  format: Format,
  title: string,
  expect: string,
  given: Given[Format],
  gives?: unknown,
): NamedVector {
  const name = `${expect === "ok" ? "ok" : "refused"}-${title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")}`;
  return { name, format, title, given, expect, ...(gives === undefined ? {} : { gives }) } as NamedVector;
}

export function spelled(bytes: Uint8Array): Spelled {
  const text = findUtf8(bytes);
  return text === undefined ? { base64: Buffer.from(bytes).toString("base64") } : { text };
}

export function spelledJson(value: unknown): Spelled {
  return { text: jcs(value) };
}

export function parsed(bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(findUtf8(bytes) as string) as Record<string, unknown>;
}

export { utf8Of };
