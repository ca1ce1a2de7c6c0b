/** Made-up entries of every kind: hashes of numbers, `test-term-0001`, addresses under `.example`. */

import { createHash } from "node:crypto";
import { About } from "@breakwater/shared/about.ts";
import { HashEntry, IndicatorEntry, TermEntry, UrlEntry } from "@breakwater/shared/entries/index.ts";
import type { SignalAlg } from "@breakwater/shared/signals/index.ts";
import { ABOUT_EXAMPLE } from "../cli/commands/about-example.ts";

export const TEST_ABOUT = About.parse(ABOUT_EXAMPLE);

/** Descriptions of the other kinds. */
export function aboutOfKind(kind: About["kind"], changes: Partial<About> = {}): About {
  const { algs: _, act_distance: __, review_distance: ___, quality_floor: ____, ...plain } = TEST_ABOUT;
  const base = kind === "hash" ? TEST_ABOUT : { ...plain, kind, ...(kind === "term" ? { languages: ["en"] } : {}) };
  return About.parse({ ...base, ...changes });
}

const digest = (alg: string, text: string) => createHash(alg).update(text).digest("hex");

export function testId(n: number): string {
  return digest("md5", `id ${n}`);
}

const VERIFIED = { level: "two_reviewed", on: "2026-11-20", people: 2 } as const;

export function testHashEntry(n: number, changes: Record<string, unknown> = {}): HashEntry {
  const alg = (changes.alg as SignalAlg | undefined) ?? "sha256";
  return HashEntry.parse({
    id: testId(n),
    alg,
    value: alg === "pdq" ? digest("sha256", `pdq ${n}`) : digest(alg, `file ${n}`),
    ...(alg === "pdq" ? { quality: 90, ambiguous_bits: 1 } : {}),
    act: "other_indecent",
    age: "11_13",
    production: "drawn_or_cgi",
    category: "synthetic_test",
    media: "image",
    human_review: "recommended",
    report_duty: "check",
    requested_action: "review",
    source_fidelity: "original_bytes",
    origin: "synthetic",
    verification: VERIFIED,
    ...changes,
  });
}

/** An entry that asks for the most, without anybody looking first. */
export const ASKS_TO_BLOCK = {
  requested_action: "block_remove_report",
  human_review: "not_required",
  report_duty: "report",
} as const;

export function testTermEntry(n: number, changes: Record<string, unknown> = {}): TermEntry {
  return TermEntry.parse({
    id: testId(n),
    text: `test-term-${String(n).padStart(4, "0")}`,
    language: "en",
    match: "token",
    context: ["search", "chat"],
    category: "coded_language",
    action: "review",
    ambiguity: "low",
    human_review: "required",
    verification: VERIFIED,
    ...changes,
  });
}

export function testUrlEntry(n: number, changes: Record<string, unknown> = {}): UrlEntry {
  return UrlEntry.parse({
    id: testId(n),
    url: `https://forum${n}.example/t/${n}`,
    scope: "exact",
    role: "gateway",
    status: "active",
    category: "advert_or_gateway",
    requested_action: "review",
    human_review: "required",
    verification: VERIFIED,
    ...changes,
  });
}

export function testIndicatorEntry(n: number, changes: Record<string, unknown> = {}): IndicatorEntry {
  return IndicatorEntry.parse({
    id: testId(n),
    key: `trend-${n}`,
    title: `Test trend ${n}`,
    text: "A made-up trend for tests.",
    actor: "unknown",
    behaviour: "moving_platform",
    benign_explanations: ["Friends who change to another service."],
    confidence: "medium",
    may_be_victim: true,
    phase: "preparatory",
    stages: ["contact"],
    suggested_actions: ["observe"],
    surfaces: ["public_content"],
    target: "teenager",
    human_review: "required",
    verification: VERIFIED,
    ...changes,
  });
}

/** A list's line without the id, as a publisher keeps it. */
export function rowOf(entry: { id: string }): Record<string, unknown> {
  const { id: _, ...row } = entry as Record<string, unknown>;
  return row;
}

export function ndjsonOf(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}
