/** A report of made-up data that passes, with a sealed part that a kept test key opens; for tests and vectors. */

import type { Assessment } from "../assessment.ts";
import type { Report, ReportItem } from "../report.ts";
import example from "./sealed-example.json" with { type: "json" };

/** The private part of one recipient's key: made for tests, used nowhere else. */
export const SEALED_EXAMPLE = example;
export const EXAMPLE_REPORT_ID = "019aa9e1-3c00-7abc-8def-52e07a419c3d";
export const EXAMPLE_ITEM_ID = "3b5f1c7e-9d42-4c1a-8f60-1f2e3d4c5b6a";

export const exampleHash = (digit: string, characters = 64): string => digit.repeat(characters);

export function exampleItem(change: Partial<ReportItem> = {}): ReportItem {
  return {
    item_id: EXAMPLE_ITEM_ID,
    media_type: "image",
    mime: "image/png",
    width: 640,
    height: 480,
    byte_length: 120_331,
    hashes: [
      { alg: "md5", value: exampleHash("a", 32) },
      { alg: "sha1", value: exampleHash("b", 40) },
      { alg: "sha256", value: exampleHash("c") },
      { alg: "pdq", value: exampleHash("d"), quality: 92, ambiguous_bits: 1 },
    ],
    acquisition: {
      method: "page_cache_read",
      source_fidelity: "original_bytes",
      refetched: false,
      credentials: "none",
    },
    location_ref: 0,
    ...change,
  };
}

export function exampleReport(change: Record<string, unknown> = {}): Report {
  return {
    schema: "report/1",
    id: EXAMPLE_REPORT_ID,
    created_at: "2026-11-22T14:02:00+00:00",
    client: { name: "extension", version: "0.1.0", browser_family: "Chromium", os_family: "Linux" },
    reporter: { member: "flaggers", device_id: "0123456789abcdef0123456789abcdef", role: "flagger" },
    test: false,
    report_kind: "csam",
    urgency: "standard",
    good_faith: { accepted: true, version: "1" },
    jurisdiction: { observer_country: "IE" },
    language: "en",
    sharing: "hotline_only",
    locations: [{ role: "media", domain: "forum.example", url_digest: exampleHash("e"), access: "public" }],
    items: [exampleItem()],
    sealed: SEALED_EXAMPLE.sealed,
    sealed_digest: SEALED_EXAMPLE.sealed_digest,
    ...change,
  } as unknown as Report;
}

export function exampleAssessment(change: Partial<Assessment> = {}): Assessment {
  return {
    verdict: "illegal",
    act: "other_indecent",
    age: "11_13",
    production: "photographic",
    flags: [],
    hashes: [{ item_id: EXAMPLE_ITEM_ID, alg: "sha256", value: exampleHash("c"), source: "original_bytes" }],
    ...change,
  };
}
