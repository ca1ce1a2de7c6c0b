/** Vectors of reports, the imagery gate, receipts, assessments and their comparison. */

import { base64urlOf, digestOf, utf8Of } from "../../shared/bytes.ts";
import { signEnvelope } from "../../shared/envelope.ts";
import type { Receipt } from "../../shared/receipt.ts";
import { referenceOf } from "../../shared/receipt.ts";
import { fixedKey } from "../../shared/testing/keys.ts";
import {
  EXAMPLE_ITEM_ID,
  EXAMPLE_REPORT_ID,
  exampleAssessment,
  exampleHash,
  exampleItem,
  exampleReport,
  SEALED_EXAMPLE,
} from "../../shared/testing/report-example.ts";
import { type NamedVector, vector } from "./named-vector.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk";
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const rendered = { method: "rendered_crop", source_fidelity: "rendered" } as const;
const pdqOnly = [{ alg: "pdq", value: exampleHash("d"), quality: 92 }] as const;

function reports(): NamedVector[] {
  const make = (title: string, expect: string, change: Record<string, unknown> = {}) =>
    vector("report", title, expect, { payload: plain(exampleReport(change)) });
  const item = (title: string, expect: string, change: object) => make(title, expect, { items: [exampleItem(change)] });
  const hash = (title: string, value: object, expect = "report_invalid") => item(title, expect, { hashes: [value] });
  const urgent = { items: [], urgency: "immediate_danger", report_kind: "grooming" };
  return [
    make("hashes of original bytes", "ok"),
    make("everything optional filled", "ok", {
      observed_at: "2026-11-22T14:00:00+01:00",
      observed_precision: "minute",
      basis: "seen_by_flagger",
      age: "11_13",
      act: "other_indecent",
      production: "photographic",
      flags: ["new_looking", "location_clue"],
      confidence: "medium",
      actions_taken: ["platform_notice"],
      supersedes: "019aa9e1-3c00-7abc-8def-52e07a419c3e",
    }),
    make("urgent with address, kind, country and good faith only", "ok", urgent),
    make("urgent with what was done", "ok", {
      ...urgent,
      immediate: { emergency_called: "no", reason_if_no: "no_phone", indicators: ["livestream_now"] },
    }),
    make("address only", "ok", { report_kind: "url_only", items: [] }),
    item("rendered crop with its PDQ", "ok", {
      hashes: pdqOnly,
      acquisition: { ...rendered, scale_percent: 150, occluded: false },
    }),
    make("observed after it was written", "ok", { observed_at: "2026-11-23T14:00:00Z" }),
    make("good faith refused", "report_invalid", { good_faith: { accepted: false, version: "1" } }),
    make("good faith missing", "report_invalid", { good_faith: undefined }),
    make("kind missing", "report_invalid", { report_kind: undefined }),
    make("unknown kind", "report_invalid", { report_kind: "other" }),
    make("unknown schema", "report_invalid", { schema: "report/2" }),
    make("unknown member", "report_invalid", { note: "short" }),
    make("address in clear", "report_invalid", { url: "https://forum.example/t/1042" }),
    make("explanation in clear", "report_invalid", { explanation: "Seen on a page." }),
    make("no location", "report_invalid", { locations: [] }),
    make("path in the domain", "report_invalid", { locations: [{ role: "page", domain: "forum.example/t/1042" }] }),
    make("items in an address-only report", "report_invalid", { report_kind: "url_only" }),
    make("possible adult with high confidence", "report_invalid", { age: "adult_possible", confidence: "high" }),
    make("emergency answers without danger", "report_invalid", { immediate: { emergency_called: "yes" } }),
    make("a flag twice", "report_invalid", { flags: ["infant", "infant"] }),
    make("an item twice", "report_invalid", { items: [exampleItem(), exampleItem()] }),
    make("time without offset", "report_invalid", { created_at: "2026-11-22T14:02:00" }),
    make("not a version 7 number", "report_invalid", { id: "3b5f1c7e-9d42-4c1a-8f60-1f2e3d4c5b6a" }),
    make("nothing sealed", "report_invalid", { sealed: undefined }),
    make("sealed by another algorithm", "report_invalid", {
      sealed: { ...SEALED_EXAMPLE.sealed, protected: "eyJlbmMiOiJBMTI4R0NNIn0" },
    }),
    item("exact hash of a rendered crop", "report_invalid", { acquisition: rendered }),
    item("exact hash of canvas pixels", "report_invalid", {
      acquisition: { method: "page_canvas_read", source_fidelity: "original_bytes" },
    }),
    item("crop that calls itself original", "report_invalid", {
      hashes: pdqOnly,
      acquisition: { ...rendered, source_fidelity: "original_bytes" },
    }),
    item("place that is not there", "report_invalid", { location_ref: 1 }),
    item("no hash", "report_invalid", { hashes: [] }),
    hash("hash in capitals", { alg: "sha256", value: exampleHash("C") }),
    hash("hash too short", { alg: "sha256", value: exampleHash("c", 63) }),
    hash("PDQ without quality", { alg: "pdq", value: exampleHash("d") }),
    hash("quality of an exact hash", { alg: "sha256", value: exampleHash("c"), quality: 90 }),
    hash("licensed algorithm", { alg: "photodna", value: exampleHash("c") }),
    item("an algorithm twice", "report_invalid", {
      hashes: [
        { alg: "sha256", value: exampleHash("c") },
        { alg: "sha256", value: exampleHash("d") },
      ],
    }),
    make("picture in an unknown member", "imagery_suspected", { explanation: PNG }),
    make("picture as ciphertext", "imagery_suspected", {
      sealed: { ...SEALED_EXAMPLE.sealed, ciphertext: PNG.replaceAll("/", "_") },
    }),
    make("text where ciphertext belongs", "report_invalid", {
      sealed: { ...SEALED_EXAMPLE.sealed, ciphertext: base64urlOf(utf8Of("written in clear".padEnd(512))) },
    }),
    hash("picture as hash", { alg: "sha256", value: PNG }, "imagery_suspected"),
  ];
}

function imagery(): NamedVector[] {
  const make = (title: string, expect: "ok" | "imagery_suspected", value: unknown) =>
    vector("imagery", title, expect, { value });
  const text = (title: string, expect: "ok" | "imagery_suspected", explanation: string) =>
    make(title, expect, { explanation });
  const run = "Qk0x".repeat(128);
  return [
    text("sentences", "ok", "Posted twice today. The account says it is from Example City, see page 3."),
    text("hash in a sentence", "ok", `I think it is ${exampleHash("c")} or ${exampleHash("ffd8ffe1", 8)}.`),
    text("long signed address in a sentence", "ok", `See https://cdn.example/a.jpg?Policy=${run}${run} on the page.`),
    text(
      "several long hashes",
      "ok",
      Array.from({ length: 6 }, (_, at) => `${at}: ${exampleHash("c", 128)},`).join(" "),
    ),
    text("run of 511", "ok", run.slice(0, 511)),
    text("words without spaces in another script", "ok", "説明".repeat(600)),
    make("signed address in an address field", "ok", {
      locations: [{ url: `https://cdn.example/a?sig=${run}`, url_canonical: "https://cdn.example/a" }],
    }),
    make("address that looks like a picture's first bytes", "ok", {
      url: "https://s.example/9j/4AAQSkZJRgABAQAAAQABAAD",
    }),
    make("hash that begins like a picture", "ok", {
      hashes: [{ alg: "md5", value: "ffd8ffe000104a464946000101000001" }],
    }),
    text("base64 PNG", "imagery_suspected", `look: ${PNG}`),
    text("base64url PNG", "imagery_suspected", PNG.replaceAll("+", "-").replaceAll("/", "_")),
    text("base64 JPEG", "imagery_suspected", "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQN"),
    text("base64 GIF", "imagery_suspected", "R0lGODlhAQABAIAAAAAAAP"),
    text("base64 WebP", "imagery_suspected", "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEA"),
    text("base64 MP4", "imagery_suspected", "AAAAIGZ0eXBpc29tAAACAGlzb21pc28yYXZjMW1wNDE"),
    text("hex PNG", "imagery_suspected", "89504E470D0A1A0A0000000D49484452"),
    text("hex WebP", "imagery_suspected", "52494646220000005745425056503820"),
    text("data address", "imagery_suspected", `data:image/png;base64,${PNG}`),
    text("data address of another type", "imagery_suspected", "data:application/octet-stream;base64,AAAA"),
    text("data address without base64", "imagery_suspected", "data:image/svg+xml,%3Csvg%3E"),
    text("bytes as characters", "imagery_suspected", "\u0089PNG\r\n\u001a\n"),
    text("run of 512", "imagery_suspected", run),
    text("run in lines of 76", "imagery_suspected", run.replaceAll(/(.{76})/g, "$1\n")),
    text("hex run", "imagery_suspected", exampleHash("ab", 256)),
    make("picture as a member's name", "imagery_suspected", { [PNG]: true }),
    make("picture deep inside", "imagery_suspected", { a: [{ b: [{ c: PNG }] }] }),
    make("picture in an address field", "imagery_suspected", { url: `data:image/png;base64,${PNG}` }),
    make("picture where a hash belongs", "imagery_suspected", { hashes: [{ alg: "sha256", value: PNG }] }),
    make("picture under a typed field's name elsewhere", "imagery_suspected", { value: run }),
  ];
}

function comparisons(): NamedVector[] {
  const reported = [plain(exampleItem())];
  const own = (...hashes: [alg: string, value: string, quality?: number][]) =>
    hashes.map(([alg, value, quality]) => ({
      item_id: EXAMPLE_ITEM_ID,
      alg,
      value,
      ...(quality === undefined ? {} : { quality }),
      source: "original_bytes",
    })) as never;
  const make = (
    title: string,
    outcome: string,
    first: object,
    second: object,
    leads = reported,
    confirmed: string[] = [],
  ) => {
    const given = { first: exampleAssessment(first), second: exampleAssessment(second), reported: leads };
    if (outcome === "hash_not_confirmed") return vector("comparison", title, outcome, given);
    return vector("comparison", title, "ok", given, { outcome, confirmed });
  };
  const sha = `sha256:${exampleHash("c")}`;
  const near = `${"d".repeat(62)}00`; // 8 bits off
  const crop = [plain(exampleItem({ hashes: [...pdqOnly], acquisition: rendered }))];
  const other = { hashes: own(["sha256", exampleHash("1")]) };
  const pdq = (value: string, quality = 90) => ({ hashes: own(["pdq", value, quality]) });
  return [
    make("both the same", "agree", {}, {}, reported, [sha]),
    make("other age", "disagree", {}, { age: "14_15" }),
    make("other verdict", "disagree", {}, { verdict: "not_illegal" }),
    make("flags alone differ", "agree", { flags: ["infant"] }, {}, reported, [sha]),
    make("the assessors' files differ", "hash_not_confirmed", {}, other),
    make("both agree on another file than was reported", "hash_not_confirmed", other, other),
    make("both grade alike and nobody computed", "hash_not_confirmed", { hashes: [] }, { hashes: [] }),
    make(
      "nobody computed and nothing is to be listed",
      "agree",
      { hashes: [], verdict: "not_illegal" },
      { hashes: [], verdict: "not_illegal" },
    ),
    make(
      "only the first computed an MD5",
      "agree",
      { hashes: own(["sha256", exampleHash("c")], ["md5", exampleHash("a", 32)]) },
      {},
      reported,
      [sha],
    ),
    make("report without items", "agree", { hashes: [] }, { hashes: [] }, []),
    make("rendered lead within 31 bits", "agree", pdq(near), pdq(near), crop, [`pdq:${near}`]),
    make("rendered lead beyond 31 bits", "hash_not_confirmed", pdq(exampleHash("2")), pdq(exampleHash("2")), crop),
    make(
      "lead of poor quality says nothing",
      "agree",
      pdq(exampleHash("2")),
      pdq(exampleHash("2")),
      [plain(exampleItem({ hashes: [{ alg: "pdq", value: exampleHash("d"), quality: 20 }], acquisition: rendered }))],
      [`pdq:${exampleHash("2")}`],
    ),
    make(
      "same bytes, PDQ by two decoders",
      "agree",
      { hashes: own(["sha256", exampleHash("c")], ["pdq", exampleHash("d"), 92]) },
      { hashes: own(["sha256", exampleHash("c")], ["pdq", near, 92]) },
      reported,
      [sha],
    ),
  ];
}

function assessments(): NamedVector[] {
  const make = (title: string, expect: string, assessment: unknown) =>
    vector("assessment", title, expect, { assessment });
  const [hash] = exampleAssessment().hashes;
  return [
    make("one hash", "ok", exampleAssessment()),
    make("none", "ok", exampleAssessment({ hashes: [] })),
    make("sealed note", "ok", exampleAssessment({ note_sealed: SEALED_EXAMPLE.sealed as never })),
    make("rendered source", "assessment_invalid", {
      ...exampleAssessment(),
      hashes: [{ ...hash, source: "rendered" }],
    }),
    make("source missing", "assessment_invalid", { ...exampleAssessment(), hashes: [{ ...hash, source: undefined }] }),
    make("note in clear", "assessment_invalid", { ...exampleAssessment(), note: "seen" }),
    make("a hash twice", "assessment_invalid", { ...exampleAssessment(), hashes: [hash, hash] }),
    make("unknown verdict", "assessment_invalid", { ...exampleAssessment(), verdict: "perhaps" }),
    make("picture in a note", "imagery_suspected", { ...exampleAssessment(), note: PNG }),
  ].map((one) => plain(one));
}

async function receipts(): Promise<NamedVector[]> {
  const [key, other] = [await fixedKey("receipt"), await fixedKey("another receipt")];
  const body = '{"payload":"made up"}';
  const receipt: Receipt = {
    schema: "receipt/1",
    report_id: EXAMPLE_REPORT_ID as Receipt["report_id"],
    reference: referenceOf(EXAMPLE_REPORT_ID as Receipt["report_id"]),
    received_at: "2026-11-22T14:02:03.000Z",
    body_sha256: await digestOf(utf8Of(body)),
    exchange: "https://exchange.example",
    hotline: "Example Hotline",
    state: "triaged",
    marks: ["late"],
    next_step: "two_people_assess",
  };
  const make = async (title: string, expect: string, change: object = {}, given: object = {}, gives?: unknown) => {
    const signed = await signEnvelope("bw-receipt+jws", { ...receipt, ...change }, [key]);
    const parts = {
      receipt: new TextDecoder().decode(signed),
      keys: [key.publicJwk],
      body,
      report_id: EXAMPLE_REPORT_ID,
    };
    return vector("receipt", title, expect, { ...parts, ...given }, gives);
  };
  return [
    await make("for these bytes", "ok", {}, {}, { reference: "BW-52E0-7A41-9C3D", state: "triaged" }),
    await make("of a repeat", "ok", {
      state: "merged",
      next_step: "joined_case",
      duplicate_of: EXAMPLE_REPORT_ID.replace("3d", "3e"),
    }),
    await make("for other bytes", "receipt_invalid", {}, { body: "{}" }),
    await make("for another report", "receipt_invalid", {}, { report_id: "019aa9e1-3c00-7abc-8def-52e07a419c3e" }),
    await make("with a reference that does not follow", "receipt_invalid", { reference: "BW-0000-0000-0000" }),
    await make("with an unknown state", "receipt_invalid", { state: "seen" }),
    await make("with an unknown member", "receipt_invalid", { note: "x" }),
    await make("by a key that is not the exchange's", "envelope_kid_unknown", {}, { keys: [other.publicJwk] }),
  ];
}

export async function reportVectors(): Promise<NamedVector[]> {
  return [...reports(), ...imagery(), ...assessments(), ...comparisons(), ...(await receipts())];
}
