/** The priority of a case: a sum whose parts are shown, so that an analyst can see why a case stands where it stands. */
import { EXACT_ALGS, isUrgent, type Report } from "@breakwater/shared/report.ts";
import type { ScorePart } from "@breakwater/shared/wire/hotline.ts";

const YOUNG: ReadonlySet<string | undefined> = new Set(["0_2", "3_6", "7_10"]);
const SEVERE: ReadonlySet<string | undefined> = new Set(["penetrative", "sadism_or_animal"]);

/** Points a fact; negative ones count only where they hold for every report of the case. */
export const POINTS = {
  immediate_danger: 100,
  ongoing_abuse: 60,
  new_and_young: 30,
  severe_act: 20,
  livestream: 20,
  identifying_clue: 20,
  rapid_spread: 10,
  flagger_precision: 10,
  login_walled: -10,
  archive: -10,
  known_hash: -40,
} as const;
type PartCode = keyof typeof POINTS;

const HOUR_MS = 3_600_000;
/** From this score up, and the time in which a case of that priority shall be assessed. */
export const PRIORITIES = [
  { priority: 1, from: 60, dueMs: HOUR_MS },
  { priority: 2, from: 30, dueMs: 24 * HOUR_MS },
  { priority: 3, from: 0, dueMs: 72 * HOUR_MS },
  { priority: 4, from: Number.NEGATIVE_INFINITY, dueMs: 120 * HOUR_MS },
] as const;

export function scoreReport(report: Report, facts: { known: boolean; precise: boolean }): ScorePart[] {
  const flags: ReadonlySet<string> = new Set(report.flags ?? []);
  const holds: Record<PartCode, boolean> = {
    immediate_danger: report.urgency === "immediate_danger",
    ongoing_abuse: report.urgency === "ongoing_abuse_suspected",
    new_and_young: flags.has("new_looking") && YOUNG.has(report.age),
    severe_act: SEVERE.has(report.act),
    livestream: flags.has("livestream"),
    identifying_clue: flags.has("victim_identifying_info_visible") || flags.has("location_clue"),
    rapid_spread: report.urgency === "rapid_spread",
    flagger_precision: facts.precise,
    login_walled: report.locations.every(({ access }) => access === "login_required" || access === "paywalled"),
    archive: report.urgency === "archive",
    known_hash: facts.known,
  };
  return (Object.keys(POINTS) as PartCode[])
    .filter((code) => holds[code])
    .map((code) => ({ code, points: POINTS[code] }));
}

/** A repeat can raise a case and cannot talk it down: what lowers stays only while every report says it. */
export function mergeScores(before: readonly ScorePart[], added: readonly ScorePart[]): ScorePart[] {
  const has = (parts: readonly ScorePart[], code: string) => parts.some((part) => part.code === code);
  return (Object.keys(POINTS) as PartCode[])
    .filter((code) =>
      POINTS[code] > 0 ? has(before, code) || has(added, code) : has(before, code) && has(added, code),
    )
    .map((code) => ({ code, points: POINTS[code] }));
}

export function rankScore(parts: readonly ScorePart[]): { score: number; priority: 1 | 2 | 3 | 4; dueMs: number } {
  const score = parts.reduce((sum, { points }) => sum + points, 0);
  const rank = PRIORITIES.find(({ from }) => score >= from) ?? PRIORITIES[3];
  return { score, priority: rank.priority, dueMs: rank.dueMs };
}

const URGENCY_RANK: Record<Report["urgency"], number> = {
  archive: 0,
  standard: 1,
  rapid_spread: 2,
  ongoing_abuse_suspected: 3,
  immediate_danger: 4,
};

export function isMoreUrgent(a: Report["urgency"], b: Report["urgency"]): boolean {
  return URGENCY_RANK[a] > URGENCY_RANK[b];
}

export { isUrgent };

export type ExactHash = { item_id: string; alg: string; value: string };

/** Exact hashes only: a perceptual one may be close to something harmless, so it joins and short-circuits nothing. */
export function exactHashesOf({ items }: Pick<Report, "items">): ExactHash[] {
  return items.flatMap(({ item_id, hashes }) =>
    hashes.filter(({ alg }) => EXACT_ALGS.includes(alg)).map(({ alg, value }) => ({ item_id, alg, value })),
  );
}
