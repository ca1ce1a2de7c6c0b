/** What one assessor found at the source, and how two such findings compare; a hash from rendered pixels has no place here. */

import { z } from "zod";
import { refuseImagery } from "./imagery-gate.ts";
import { ExchangeError } from "./problem.ts";
import type { ReportItem } from "./report.ts";
import { EXACT_ALGS, ITEMS_MAX, REPORT_ALGS } from "./report.ts";
import { hasOurHeader, SealedJwe } from "./sealed.ts";
import { distancePdq, isSignalValue, PDQ_MATCH_THRESHOLD, PDQ_QUALITY_FLOOR, parsePdq } from "./signals/index.ts";
import { Act, Age, Production } from "./vocab/axes.ts";
import { REPORT_FLAGS, ReportFlag } from "./vocab/reports.ts";

/** `illegal`: to be listed. `harmful`: not illegal here, still not to be spread. `not_illegal`: nothing to list. */
export const VERDICTS = ["illegal", "harmful", "not_illegal"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Two decoders of the same file may differ by this many bits of a PDQ (the upstream's own bound for its decode). */
export const PDQ_SAME_FILE_BITS = 10;
const HASHES_MAX = ITEMS_MAX * REPORT_ALGS.length;

/** A hash that this assessor computed from the file itself: `original_bytes` is the only source that can be written. */
export const AssessedHash = z
  .strictObject({
    item_id: z.uuid(),
    alg: z.enum(REPORT_ALGS),
    value: z.string(),
    quality: z.int().min(0).max(100).optional(),
    ambiguous_bits: z.int().min(0).max(256).optional(),
    source: z.literal("original_bytes"),
  })
  .refine(({ alg, value }) => isSignalValue(alg, value), { path: ["value"], error: "not a value of its algorithm" })
  .refine(({ alg, quality }) => (alg === "pdq") === (quality !== undefined), { path: ["quality"], error: "pdq only" })
  .refine(({ alg, ambiguous_bits }) => alg === "pdq" || ambiguous_bits === undefined, {
    path: ["ambiguous_bits"],
    error: "pdq only",
  });
export type AssessedHash = z.infer<typeof AssessedHash>;

export const Assessment = z
  .strictObject({
    verdict: z.enum(VERDICTS),
    act: Act,
    age: Age,
    production: Production,
    flags: z.array(ReportFlag).max(Object.keys(REPORT_FLAGS).length),
    hashes: z.array(AssessedHash).max(HASHES_MAX),
    /** encrypted to the hotline's list, like the report's own text */
    note_sealed: SealedJwe.refine(hasOurHeader).optional(),
  })
  .refine(({ hashes }) => new Set(hashes.map(({ item_id, alg }) => `${item_id} ${alg}`)).size === hashes.length, {
    path: ["hashes"],
    error: "one hash an algorithm and item",
  });
export type Assessment = z.infer<typeof Assessment>;

/** @throws ExchangeError `imagery_suspected`, `assessment_invalid` with `pointers` */
export function parseAssessment(value: unknown): Assessment {
  refuseImagery(value);
  const result = Assessment.safeParse(value);
  if (result.success) return result.data;
  const pointers = result.error.issues.map(({ path }) => `/${path.map(String).join("/")}`);
  throw new ExchangeError("assessment_invalid", { pointers: [...new Set(pointers)] });
}

export type Comparison = {
  outcome: "agree" | "disagree" | "hash_not_confirmed";
  /** what both computed: nothing else can be published */
  confirmed: AssessedHash[];
};

type Findings = Pick<Assessment, "verdict" | "act" | "age" | "production" | "hashes">;
type ReportedItem = Pick<ReportItem, "item_id" | "hashes" | "acquisition">;

/**
 * Compares two assessments made without sight of each other, and both with the reports.
 *
 * A hash that does not fit comes first: then the two may have looked at something else than was reported, and
 * nothing of the case can be listed, whatever they agree on.
 *
 * @param reported - items of every report of the case; their hashes are leads, never published
 */
export function compareAssessments(first: Findings, second: Findings, reported: readonly ReportedItem[]): Comparison {
  const contradicts = [first, second].some(({ hashes }) => reported.some((item) => !fits(hashes, item)));
  const pairs = pairItems(first.hashes, second.hashes);
  const differs = pairs.some(([mine, yours]) => !isSameFile(mine, yours, PDQ_SAME_FILE_BITS));
  const confirmed = pairs.flatMap(([mine, yours]) =>
    mine.filter((hash) => yours.some(({ alg, value }) => alg === hash.alg && value === hash.value)),
  );
  // Hashes were reported, both would list, and not one hash was computed by both: nothing ties them to one file.
  const unsupported = reported.length > 0 && isListable(first) && isListable(second) && confirmed.length === 0;
  if (contradicts || differs || unsupported) return { outcome: "hash_not_confirmed", confirmed: [] };
  const same =
    first.verdict === second.verdict &&
    first.act === second.act &&
    first.age === second.age &&
    first.production === second.production;
  return same ? { outcome: "agree", confirmed } : { outcome: "disagree", confirmed: [] };
}

export function isListable({ verdict }: Pick<Assessment, "verdict">): boolean {
  return verdict === "illegal" || verdict === "harmful";
}

/** Do an assessor's hashes of an item fit what was reported for it? No hash of that item fits too. */
function fits(assessed: readonly AssessedHash[], item: ReportedItem): boolean {
  const mine = assessed.filter(({ item_id }) => item_id === item.item_id);
  const fromOriginal = item.acquisition.source_fidelity === "original_bytes";
  return isSameFile(mine, item.hashes, fromOriginal ? PDQ_SAME_FILE_BITS : PDQ_MATCH_THRESHOLD);
}

type Hash = Pick<AssessedHash, "alg" | "value" | "quality">;

/**
 * Could the two lists be of one file? Exact hashes decide where both have one; otherwise PDQ within a bound. A PDQ
 * below the quality floor says nothing, and one of the same bytes by another decoder is no contradiction.
 */
function isSameFile(a: readonly Hash[], b: readonly Hash[], pdqBits: number): boolean {
  const common = a.flatMap((mine) => {
    const yours = b.find(({ alg }) => alg === mine.alg);
    return yours === undefined ? [] : [[mine, yours] as const];
  });
  const exact = common.filter(([{ alg }]) => EXACT_ALGS.includes(alg));
  if (exact.length > 0) return exact.every(([mine, yours]) => mine.value === yours.value);
  return common.every(([mine, yours]) => {
    if (Math.min(mine.quality ?? 0, yours.quality ?? 0) < PDQ_QUALITY_FLOOR) return true;
    return distancePdq(parsePdq(mine.value), parsePdq(yours.value)) <= pdqBits;
  });
}

/** Items of two assessments that stand for one file: by id, or, where an assessor added an item, by an exact hash. */
function pairItems(
  first: readonly AssessedHash[],
  second: readonly AssessedHash[],
): [AssessedHash[], AssessedHash[]][] {
  const mine = Map.groupBy(first, ({ item_id }) => item_id);
  const yours = Map.groupBy(second, ({ item_id }) => item_id);
  return [...mine].flatMap(([itemId, hashes]) => {
    const match =
      yours.get(itemId) ?? [...yours].find(([id, other]) => !mine.has(id) && sharesExact(hashes, other))?.[1];
    return match === undefined ? [] : [[hashes, match] as [AssessedHash[], AssessedHash[]]];
  });
}

function sharesExact(a: readonly AssessedHash[], b: readonly AssessedHash[]): boolean {
  return a.some((x) => EXACT_ALGS.includes(x.alg) && b.some((y) => y.alg === x.alg && y.value === x.value));
}
