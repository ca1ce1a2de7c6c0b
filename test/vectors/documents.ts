/** Vectors of descriptions, manifests, indexes and entries. */

import { digestOf, utf8Of } from "../../shared/bytes.ts";
import { formatEntry } from "../../shared/entries/index.ts";
import { jcs } from "../../shared/jcs.ts";
import type { Manifest, SnapshotIndex } from "../../shared/manifest.ts";
import type { ReleaseStatement } from "../../shared/release.ts";
import { exampleAbout, exampleEntry, exampleEntryValue, NOW } from "../../shared/testing/examples.ts";
import { SetKind } from "../../shared/vocab/sets.ts";
import { type NamedVector, spelledJson, vector } from "./named-vector.ts";

const digestFilled = (digit: string) => `sha256:${digit.repeat(64)}` as const;

function aboutVectors(): NamedVector[] {
  const make = (title: string, expect: string, changes: object, kind: SetKind = "hash") =>
    vector("about", title, expect, { about: JSON.parse(JSON.stringify({ ...exampleAbout(kind), ...changes })) });
  return [
    ...SetKind.options.map((kind) => make(`set of kind ${kind}`, "ok", {}, kind)),
    make("consent-based set kept for 14 days", "ok", { consent_based: true, keep_stale_days: 14 }),
    make("consent-based set kept for 15 days", "about_invalid", { consent_based: true, keep_stale_days: 15 }),
    make("other member", "about_invalid", { note: "x" }),
    make("no purpose", "about_invalid", { purpose: undefined }),
    make("picture in the description", "about_invalid", { description: "iVBORw0KGgoAAAANSUhEUgAA".repeat(8) }),
    make("data URI in the description", "about_invalid", { description: "data:image/png;base64,AAAA" }),
    make("beginning of a picture in the description", "about_invalid", { description: "iVBORw0KGgoAAAANSUhEUg" }),
    make("base64 in lines in the description", "about_invalid", {
      description: Array.from({ length: 10 }, () => "QUJD".repeat(19)).join("\n"),
    }),
    make("hidden direction in the title", "about_invalid", { title: "a\u202eb" }),
    make("act distance of 32", "about_invalid", { act_distance: 32, review_distance: 40 }),
    make("act distance above review distance", "about_invalid", { act_distance: 20, review_distance: 10 }),
    make("TLP with its prefix", "about_invalid", { tlp: "TLP:AMBER" }),
    make("term set without languages", "about_invalid", { languages: undefined }, "term"),
  ];
}

async function manifestVectors(): Promise<NamedVector[]> {
  const manifest: Manifest = {
    about: exampleAbout(),
    deltas: [
      { release: 2, segments: [{ plain: 300, segment: digestFilled("a"), size: 200 }], statement: digestFilled("2") },
      { release: 3, segments: [] },
    ],
    entries: 11,
    publisher: "hotline.example" as Manifest["publisher"],
    purge_by: NOW + 7 * 86_400,
    release: 3,
    set: "verified" as Manifest["set"],
    snapshot: {
      bytes: 2000,
      entries: 10,
      index: digestFilled("b"),
      index_size: 200,
      release: 1,
      state: digestFilled("c"),
    },
    v: 1,
  };
  const statement = {
    exp: NOW + 86_400,
    iat: NOW,
    manifest: digestFilled("0"),
    manifest_size: 1,
    prev: digestFilled("2"),
    publisher: "hotline.example",
    release: 3,
    root: 1,
    set: "verified",
  } as ReleaseStatement;
  const make = async (title: string, expect: string, changes: object, stated: object = {}) => {
    const text = jcs({ ...manifest, ...changes });
    const named = {
      ...statement,
      manifest: await digestOf(utf8Of(text)),
      manifest_size: utf8Of(text).length,
      ...stated,
    };
    return vector("manifest", title, expect, { bytes: { text }, statement: named });
  };
  const row = (release: number, more: object = { statement: digestFilled("2") }) => ({
    release,
    segments: [],
    ...more,
  });
  return Promise.all([
    make("two deltas after the snapshot", "ok", {}),
    make("recovery without deltas", "ok", { deltas: [], entries: 10, snapshot: { ...manifest.snapshot, release: 3 } }),
    make("digest mismatch", "blob_digest_mismatch", {}, { manifest: digestFilled("0") }),
    make("size mismatch", "blob_size_mismatch", {}, { manifest_size: 7 }),
    make("other publisher", "manifest_mismatch", { publisher: "other.example" }),
    make("other release", "manifest_mismatch", {}, { release: 4, prev: digestFilled("3") }),
    make("other predecessor", "manifest_mismatch", {}, { prev: digestFilled("9") }),
    make("purge before its time", "manifest_mismatch", { purge_by: NOW - 1 }),
    make("purge after more than 30 days", "manifest_mismatch", { purge_by: NOW + 31 * 86_400 }),
    make("hole between deltas", "manifest_invalid", { deltas: [row(1), row(3, {})] }),
    make("deltas that begin too late", "manifest_invalid", { deltas: [row(3, {})] }),
    make("deltas that end too early", "manifest_invalid", { deltas: [row(2)] }),
    make("statement in its own row", "manifest_invalid", { deltas: [row(2), row(3)] }),
    make("past row without statement", "manifest_invalid", { deltas: [row(2, {}), row(3, {})] }),
    make("snapshot after the release", "manifest_invalid", { snapshot: { ...manifest.snapshot, release: 4 } }),
    make("other member", "manifest_invalid", { note: "x" }),
    make("other version", "manifest_invalid", { v: 2 }),
    make("description at fault", "about_invalid", { about: { ...exampleAbout(), title: "" } }),
  ]);
}

async function indexVectors(): Promise<NamedVector[]> {
  const rows = [
    { entries: 6, from: "0".repeat(32), plain: 900, segment: digestFilled("a"), size: 1200 },
    { entries: 4, from: `8${"0".repeat(31)}`, plain: 600, segment: digestFilled("b"), size: 800 },
  ] as SnapshotIndex;
  const [first, second] = rows as [SnapshotIndex[number], SnapshotIndex[number]];
  const make = async (title: string, expect: string, index: unknown, stated: object = {}) => {
    const bytes = spelledJson(index);
    const text = utf8Of(jcs(index));
    const snapshot = {
      bytes: 2000,
      entries: 10,
      index: await digestOf(text),
      index_size: text.length,
      release: 1,
      state: digestFilled("c"),
      ...stated,
    };
    return vector("index", title, expect, { bytes, snapshot });
  };
  return Promise.all([
    make("two ranges", "ok", rows),
    make("empty set", "ok", [], { bytes: 0, entries: 0 }),
    make("digest mismatch", "blob_digest_mismatch", rows, { index: digestFilled("0") }),
    make("size mismatch", "blob_size_mismatch", rows, { index_size: 1 }),
    make("first range that does not begin at zero", "index_invalid", [
      { ...first, from: `${"0".repeat(31)}1` },
      second,
    ]),
    make("ranges that do not rise", "index_invalid", [first, { ...second, from: first.from }]),
    make("other sum of entries", "index_invalid", [first, { ...second, entries: 5 }]),
    make("other sum of bytes", "index_invalid", [first, { ...second, size: 801 }]),
    make("segment of 16385 entries", "index_invalid", [{ ...first, entries: 16_385 }], {
      entries: 16_385,
      bytes: 1200,
    }),
    make("other member", "index_invalid", [{ ...first, note: 1 }, second]),
  ]);
}

const PDQ = { alg: "pdq", value: "ab".repeat(32), quality: 80, ambiguous_bits: 4 };
const NOMINATED = { human_review: "required", verification: { level: "nominated", on: "2026-11-22", people: 0 } };

const ENTRY_CASES: [SetKind, string, string, object][] = [
  ["hash", "hash of original bytes", "ok", {}],
  ["hash", "pdq with quality and ambiguous bits", "ok", PDQ],
  ["hash", "hash from rendered pixels", "entry_invalid", { source_fidelity: "rendered" }],
  ["hash", "hash of unknown source", "entry_invalid", { source_fidelity: undefined }],
  ["hash", "hash of wrong length", "signal_invalid", { value: "a".repeat(63) }],
  ["hash", "hash in upper-case hex", "signal_invalid", { value: "A".repeat(64) }],
  ["hash", "md5 with the length of sha256", "signal_invalid", { alg: "md5" }],
  ["hash", "unknown algorithm", "entry_invalid", { alg: "phash" }],
  ["hash", "category that is not hashable", "category_not_hashable", { category: "everyday_image_collected" }],
  ["hash", "pdq without quality", "entry_invalid", { ...PDQ, quality: undefined }],
  ["hash", "pdq below the quality floor", "entry_invalid", { ...PDQ, quality: 49 }],
  ["hash", "quality of an exact hash", "entry_invalid", { quality: 80 }],
  ["hash", "child certainty possible", "entry_invalid", { child_certainty: "possible" }],
  [
    "hash",
    "may be adult yet to be removed",
    "entry_invalid",
    { age: "adult_possible", requested_action: "remove_report" },
  ],
  [
    "hash",
    "two people where one looked",
    "entry_invalid",
    { verification: { level: "two_reviewed", on: "2026-11-22", people: 1 } },
  ],
  ["hash", "nominated yet to be blocked", "entry_invalid", { ...NOMINATED, requested_action: "block_remove_report" }],
  [
    "hash",
    "derived view that the crosswalk does not give",
    "entry_invalid",
    { views: [{ basis: "derived", by: "hotline.example", class: "A", scheme: "uk" }] },
  ],
  ["hash", "asserted view", "ok", { views: [{ basis: "asserted", by: "hotline.example", class: "A", scheme: "uk" }] }],
  ["hash", "free text in a hash entry", "entry_invalid", { note: "x" }],
  ["hash", "fraction", "jcs_invalid", { quality: 1.5 }],
  ["term", "term", "ok", {}],
  ["term", "term as keyed digest", "ok", { text: undefined, digest: { key: "terms-2026", value: "ab".repeat(32) } }],
  ["term", "text and digest", "entry_invalid", { digest: { key: "terms-2026", value: "ab".repeat(32) } }],
  [
    "term",
    "highly ambiguous and to be blocked",
    "term_too_ambiguous",
    { ambiguity: "high", action: "block", innocent_meanings: ["A made-up game."] },
  ],
  ["term", "highly ambiguous and to be reviewed", "ok", { ambiguity: "high", innocent_meanings: ["A made-up game."] }],
  ["term", "highly ambiguous without its innocent meaning", "entry_invalid", { ambiguity: "high" }],
  [
    "term",
    "digest matched as a substring",
    "entry_invalid",
    { text: undefined, digest: { key: "terms-2026", value: "ab".repeat(32) }, match: "substring" },
  ],
  ["term", "text of separators only", "term_empty", { text: "-- ..." }],
  ["term", "one letter as a part of words", "term_too_broad", { text: "e", match: "substring" }],
  ["term", "text with a hidden direction", "entry_invalid", { text: "a\u2066b" }],
  ["url", "address", "ok", {}],
  ["url", "address as digest", "ok", { url: undefined, url_digest: digestFilled("a") }],
  ["url", "onion address", "ok", { url: `http://${"abcdefgh".repeat(7)}.onion/x` }],
  ["url", "host in upper case", "url_invalid", { url: "https://FORUM.example/" }],
  ["url", "address with credentials", "url_invalid", { url: "https://user:secret@forum.example/" }],
  ["url", "address with a fragment", "url_invalid", { url: "https://forum.example/#x" }],
  ["url", "script as address", "url_invalid", { url: "javascript:alert(1)" }],
  ["url", "picture as address", "url_invalid", { url: "data:image/png;base64,AAAA" }],
  ["url", "address with an escaped letter", "url_invalid", { url: "https://forum.example/%62" }],
  ["url", "address with an escape in lower case", "url_invalid", { url: "https://forum.example/a%2fb" }],
  ["url", "address with an empty query", "url_invalid", { url: "https://forum.example/?" }],
  [
    "url",
    "path of more than 32 parts",
    "url_invalid",
    { scope: "path", url: `https://forum.example${"/a".repeat(33)}` },
  ],
  ["url", "host scope with a path", "url_invalid", { scope: "host" }],
  ["indicator", "indicator", "ok", {}],
  ["indicator", "ban of a possible victim", "entry_invalid", { suggested_actions: ["ban"] }],
  [
    "indicator",
    "small count in the clear",
    "entry_invalid",
    { figures: [{ from: "2026-10-01", measure: "reports", suppressed_below: 5, until: "2026-10-31", value: 3 }] },
  ],
  [
    "indicator",
    "suppressed count",
    "ok",
    { figures: [{ from: "2026-10-01", measure: "reports", suppressed_below: 5, until: "2026-10-31", value: null }] },
  ],
  ["indicator", "eleven lines of text", "entry_invalid", { text: new Array(11).fill("line").join("\n") }],
  ["indicator", "no benign explanation", "entry_invalid", { benign_explanations: [] }],
];

function entryVectors(): NamedVector[] {
  const made = ENTRY_CASES.map(([kind, title, expect, changes]) => {
    // Sorted by hand and not by jcs(), which would refuse the very cases that are wanted here.
    const value = exampleEntryValue(kind, changes);
    const line = JSON.stringify(sortMembers(value));
    return vector("entry", title, expect, { kind, line });
  });
  const line = formatEntry(exampleEntry("hash"));
  const twice = vector("entry", "repeated member", "jcs_invalid", {
    kind: "hash",
    line: line.replace('{"act"', '{"act":"none_visible","act"'),
  });
  const other = vector("entry", "entry of another kind", "entry_invalid", { kind: "term", line });
  return [...made, twice, other];
}

function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sortMembers(member)]));
}

export async function documentVectors(): Promise<NamedVector[]> {
  return [...aboutVectors(), ...(await manifestVectors()), ...(await indexVectors()), ...entryVectors()];
}
