/** The checker says of every line exactly what the strict schema says: that is all it is for. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256 as platformSha256, utf8Of } from "../bytes.ts";
import { formatDeltaLine, parseDeltaLine } from "../delta.ts";
import { jcs } from "../jcs.ts";
import { ExchangeError } from "../problem.ts";
import { exampleEntryValue } from "../testing/examples.ts";
import type { SetKind } from "../vocab/sets.ts";
import { createEntryChecker, type EntryChecker, naturalKeyDigest, SHAPES_MAX } from "./checker.ts";
import { naturalKey, parseEntry } from "./index.ts";

const KINDS = ["hash", "url", "term", "indicator"] as const;
const hex = (length: number) =>
  fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length }).map((c) => c.join(""));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof(fc.constant(undefined), arbitrary);
const CORE = {
  id: hex(32),
  expires_at: maybe(fc.constant("2027-11-22T00:00:00Z")),
  verification: fc.constantFrom(
    { level: "two_reviewed", on: "2026-11-22", people: 2 },
    { level: "hotline_verified", on: "2026-02-28", people: 1 },
  ),
  labels: maybe(fc.constantFrom(["infant"], ["animal", "infant"])),
};
const SIGNAL = fc.oneof(
  fc.record({ alg: fc.constant("sha256"), value: hex(64) }),
  fc.record({ alg: fc.constant("md5"), value: hex(32) }),
  fc.record({ alg: fc.constant("vpdq"), value: hex(64).map((digits) => `${digits},90,1.5;${digits},80,2`) }),
  fc.record({ alg: fc.constant("ssdeep"), value: hex(20).map((digits) => `3:${digits}:ab`) }),
  fc.record({
    alg: fc.constant("pdq"),
    value: hex(64),
    quality: fc.integer({ min: 50, max: 100 }),
    ambiguous_bits: maybe(fc.integer({ min: 0, max: 256 })),
  }),
);
const ADDRESS = fc.oneof(
  fc.record({ scope: fc.constant("exact"), url: hex(6).map((path) => `https://forum.example/t/${path}?a=1`) }),
  fc.record({ scope: fc.constant("path"), url: hex(6).map((path) => `https://forum.example/t/${path}`) }),
  fc.record({ scope: fc.constant("host"), url: hex(6).map((host) => `https://${host}.example/`) }),
  fc.record({ scope: fc.constant("host"), url_digest: hex(64).map((digits) => `sha256:${digits}`) }),
);
const OWN: Record<SetKind, fc.Arbitrary<object>> = {
  hash: fc
    .tuple(
      SIGNAL,
      fc.record({
        ...CORE,
        item: maybe(hex(32)),
        series: maybe(hex(32)),
        age: fc.constantFrom("7_10", "not_assessed"),
        age_confirmed: maybe(fc.constant({ by: "police", on: "2026-10-01" })),
      }),
    )
    .map(([signal, rest]) => ({ ...rest, ...signal })),
  url: fc
    .tuple(ADDRESS, fc.record({ ...CORE, status: fc.constantFrom("active", "removed") }))
    .map(([address, rest]) => ({ url: undefined, ...rest, ...address })),
  term: fc.record({ ...CORE, text: hex(4).map((digits) => `test-term-${digits}`), match: fc.constant("phrase") }),
  indicator: fc.record({ ...CORE, may_be_victim: fc.boolean(), key: hex(4) }),
};

const AB = "ab".repeat(32);
const WRONG_DATES = ["2026-02-30", "2026-1-1", "20261122", "2026-11-22T00:00:00Z", "", "2024-02-29", '2026-1"-11'];
const WRONG_IDS = ["", "AB".repeat(16), "ab", "\u0000".repeat(32), "ab".repeat(17), "zz".repeat(16), 7, null];
/** What a member may be replaced by: mostly wrong, sometimes right after all. */
const OTHERS: Record<string, readonly unknown[]> = {
  id: WRONG_IDS,
  item: WRONG_IDS,
  series: WRONG_IDS,
  expires_at: ["2027-02-30T00:00:00Z", "2027-11-22T00:00:00.5Z", "2027-11-22", "2028-02-29T23:59:59Z", "x", 5],
  quality: [0, 9, 49, 50, 100, 101, 999, 1000, -1, "80", null],
  ambiguous_bits: [0, 256, 257, 999, 10_000, -1, "4"],
  value: [
    AB,
    Array(130).fill(`${AB},90,1`).join(";"),
    Array(100).fill(`${AB},90,1`).join(";"),
    AB.toUpperCase(),
    `${AB}ab`,
    "ab".repeat(16),
    "12",
    'a"b',
    "T1",
    "",
    `3:${AB}:ab`,
    1,
  ],
  url: [
    "https://forum.example/t/",
    "https://forum.example/",
    "https://forum.example/?a=\\",
    "https://FORUM.example/",
    "https://forum.example/\u00fc",
    `https://forum.example/${"a".repeat(2100)}`,
    "x",
    "",
  ],
  url_digest: [`sha256:${AB}`, `sha256:${AB.toUpperCase()}`, AB, ""],
  alg: ["pdq", "sha256", "sha1", "crc32"],
  scope: ["exact", "path", "host", "none"],
  age: ["adult_possible", "none"],
  requested_action: ["block_remove_report", "hold_pending_age_confirmation", "none"],
  category: ["csam", "everyday_image_sexualised_by_comments", "none"],
  human_review: ["required", "none"],
  labels: [[], ["infant", "infant"]],
  text: ["", "a\u2066b", "a\nb"],
  key: ["K", ""],
  verification: [
    ...WRONG_DATES.map((on) => ({ level: "two_reviewed", on, people: 2 })),
    { level: "two_reviewed", on: "2026-11-22", people: 1 },
    { level: "nominated", on: "2026-11-22", people: 0 },
  ],
  age_confirmed: WRONG_DATES.map((on) => ({ by: "police", on })),
};
const REPLACEMENTS = Object.entries(OTHERS).flatMap(([name, others]) => others.map((other) => [name, other] as const));

/** Good lines, lines that differ from a good one in a single member, and lines with something done to their text. */
function linesOf(kind: SetKind): fc.Arbitrary<string[]> {
  const line = (changes: object) => {
    const members = Object.entries(exampleEntryValue(kind, changes)).filter(([, member]) => member !== undefined);
    return jcs(Object.fromEntries(members));
  };
  const family = fc
    .tuple(
      OWN[kind],
      fc.array(fc.constantFrom(...REPLACEMENTS), { maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(...TRICKS)), { maxLength: 4 }),
    )
    .map(([own, replacements, tricks]) => {
      const names = Object.keys(exampleEntryValue(kind, own));
      const replaced = replacements.filter(([name]) => names.includes(name));
      return [
        line(own),
        ...replaced.map(([name, other]) => line({ ...own, [name]: other })),
        ...tricks.map(([at, trick]) => trick(line(own), at)),
      ];
    });
  return fc.array(family, { minLength: 1, maxLength: 5 }).map((families) => families.flat());
}

const insert = (line: string, at: number, text: string) => line.slice(0, at) + text + line.slice(at);
const afterComma = (line: string, at: number) => line.indexOf(",", at % line.length) + 1;
const TRICKS: ((line: string, at: number) => string)[] = [
  (line, at) => insert(line, at % line.length, " "),
  (line, at) => insert(line, at % line.length, '"'),
  (line, at) => insert(line, at % line.length, "\\"),
  (line, at) => insert(line, at % line.length, "0"),
  (line, at) => line.slice(0, at % line.length) + line.slice((at % line.length) + 1),
  (line, at) => line.slice(0, at % line.length),
  (line, at) => insert(line, afterComma(line, at), '"id":"00112233445566778899aabbccddeeff",'),
  (line, at) => insert(line, afterComma(line, at), '"op":"put",'),
  (line, at) => insert(line, afterComma(line, at), '"x\\"id":"00112233445566778899aabbccddeeff",'),
  (line) => line.replace('"value":"', '"value":"\\u0061'),
  (line) => line.replace('"quality":', '"quality":0'),
  (line) => line.replace('"on":"', '"at":"'),
  (line) => line.replace('"verification":{', '"verification":{"id":"00112233445566778899aabbccddeeff",'),
  (line) =>
    line.replace('"verification":{"level"', '"verification":{"item":"00112233445566778899aabbccddeeff","level"'),
  (line) => `${line} `,
  (line) => `\ufeff${line}`,
  () => "[]",
  () => "",
];

type Judged = { id: string; key: string; line?: string };
function verdictOf(judge: () => Judged, withLine = false): Judged | { refused: string; detail: unknown } {
  try {
    const { id, key, line } = judge();
    return withLine && line !== undefined ? { id, key, line } : { id, key };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return { refused: error.code, detail: error.detail };
  }
}

const bySchema = (kind: SetKind, line: string) => {
  const entry = parseEntry(kind, line);
  return { id: entry.id as string, key: naturalKey(kind, entry as never) };
};
const rehearsed = (checker: EntryChecker<SetKind>, line: string) => {
  // Once to learn the shape, once to recognise it, once by its template.
  for (let time = 0; time < 2; time++) verdictOf(() => checker.check(line));
  return verdictOf(() => checker.check(line));
};

describe.each(KINDS)("the checker of %s entries", (kind) => {
  it("gives the verdict of the strict schema, id and natural key, whatever lines came before", () => {
    fc.assert(
      fc.property(linesOf(kind), (lines) => {
        const checker: EntryChecker<SetKind> = createEntryChecker(kind);
        for (const line of [...lines, ...lines]) {
          expect(verdictOf(() => checker.check(line))).toEqual(verdictOf(() => bySchema(kind, line)));
        }
        for (const line of lines) expect(rehearsed(checker, line)).toEqual(verdictOf(() => bySchema(kind, line)));
      }),
      { numRuns: 60 },
    );
  });

  it("reads and writes a delta's lines as the delta does", () => {
    fc.assert(
      fc.property(linesOf(kind), (lines) => {
        const checker: EntryChecker<SetKind> = createEntryChecker(kind);
        const texts = lines.flatMap((line) => {
          const verdict = verdictOf(() => checker.check(line));
          if ("refused" in verdict) return [line];
          const text = checker.formatPut(checker.check(line));
          expect(text).toBe(formatDeltaLine({ op: "put", id: verdict.id, line }));
          const misplaced = text.replace('"op":"put",', "").replace('"level"', '"op":"put","level"');
          const first = `{"op":"put",${text.replace('"op":"put",', "").slice(1)}`;
          return [text, first, line, text.replace('"op":"put",', '"op": "put",'), misplaced];
        });
        const slow = (text: string) => {
          const change = parseDeltaLine(text);
          if (change.op === "del") return { id: change.id, key: "" };
          return { ...bySchema(kind, change.line), line: change.line };
        };
        const fast = (text: string) => {
          const change = checker.checkChange(text);
          return change.op === "del" ? { id: change.id, key: "" } : change;
        };
        for (const text of [...texts, ...texts, ...texts]) {
          expect(verdictOf(() => fast(text), true)).toEqual(verdictOf(() => slow(text), true));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("knows an entry that differs only in its own values, for what follows from the others", () => {
    const checker: EntryChecker<SetKind> = createEntryChecker(kind);
    const line = jcs(exampleEntryValue(kind));
    const own = ["id", "value", "url"];
    const rest = (entry: object) => Object.entries(entry).filter(([name]) => !own.includes(name));
    for (let time = 0; time < 3; time++) {
      expect(rest(checker.check(line).like)).toEqual(rest(parseEntry(kind, line)));
    }
  });
});

describe("what the checker remembers", () => {
  it("is bounded, and forgetting changes no verdict", () => {
    const checker = createEntryChecker("hash");
    const lines = Array.from({ length: SHAPES_MAX + 50 }, (_, n) =>
      jcs(exampleEntryValue("hash", { views: [{ basis: "asserted", by: `p${n}.example`, class: "A", scheme: "uk" }] })),
    );
    for (const line of lines) checker.check(line);
    for (const line of [lines[0], lines.at(-1)] as string[]) {
      expect(verdictOf(() => checker.check(line))).toEqual(verdictOf(() => bySchema("hash", line)));
    }
  });
});

describe("naturalKeyDigest", () => {
  it("is SHA-256 of kind and key", async () => {
    expect(naturalKeyDigest("hash", "md5:00")).toEqual(await platformSha256(utf8Of("hash\nmd5:00")));
  });
});
