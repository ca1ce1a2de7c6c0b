/** Comparing a file's hashes with the verified copies on this machine, and what a hit asks for. */

import type { HashEntry } from "@breakwater/shared/entries/index.ts";
import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type Recall, recallCovers } from "@breakwater/shared/recall.ts";
import type { HashedFile } from "../media/index.ts";
import { effectiveMode, type Mode } from "../profile/modes.ts";
import { destroyRows, findCurrent, listCopies, openCopy } from "../sync/copy.ts";
import { AMBIGUOUS_BITS_MAX } from "../sync/guards.ts";
import { type Origins, originOf } from "../sync/origins.ts";
import { judgeCopy } from "../sync/outcome.ts";
import { listInForce } from "../sync/recalls.ts";
import { isForReview, isNewPublisher, readStatus } from "../sync/status.ts";
import { type IndexedSet, indexSet, searchPdq } from "./index-set.ts";

export type FileHashes = Pick<HashedFile, "md5" | "sha1" | "sha256"> & Pick<Partial<HashedFile>, "pdq">;

export type Hit = {
  set: string;
  release: number;
  entry: HashEntry;
  /** act: near enough to be acted on; review: a person looks. */
  level: "act" | "review";
  how:
    | { alg: "md5" | "sha1" | "sha256" }
    | { alg: "pdq"; distance: number; actDistance: number; reviewDistance: number };
  mode: Mode;
  stale: boolean;
  /** The publisher takes the entry back for now: a person decides, whatever the mode says. */
  recalled?: { recall: number; until: string };
  tlp: string;
  test: boolean;
};

export type Matcher = {
  sets: { set: string; entries: number; stale: boolean }[];
  /** Copies that were too old to keep and are gone, and copies that could not be opened. */
  unusable: { set: string; code: "copy_stale" | "copy_damaged" }[];
  match(hashes: FileHashes): Hit[];
};

type Recalls = Awaited<ReturnType<typeof listInForce>>;
type Opened = { index: IndexedSet; origins: Origins; recalls: Recalls; mode: Mode; stale: boolean };

/**
 * Opens every verified copy of a hash set.
 *
 * @param modes - by set; a set without one is observed
 */
export async function openMatcher(
  stateDir: string,
  modes: Readonly<Record<string, Mode>>,
  now: Date,
): Promise<Matcher> {
  const opened: Opened[] = [];
  const unusable: Matcher["unusable"] = [];
  for (const setId of await listCopies(stateDir)) {
    const result = await openOne(stateDir, setId, modes, now);
    if (result === "copy_stale" || result === "copy_damaged") unusable.push({ set: formatSetId(setId), code: result });
    else if (result !== undefined) opened.push(result);
  }
  return {
    sets: opened.map(({ index, stale }) => ({
      set: index.set,
      entries: index.pdqLines.length + index.exact.size,
      stale,
    })),
    unusable,
    match: (hashes) => opened.flatMap((one) => matchSet(one, hashes, now)).sort(byUrgency),
  };
}

async function openOne(
  stateDir: string,
  setId: SetId,
  modes: Readonly<Record<string, Mode>>,
  now: Date,
): Promise<Opened | "copy_stale" | "copy_damaged" | undefined> {
  const status = await readStatus(stateDir, setId);
  const use = await judgeCopy(stateDir, setId, status?.verified_at, now);
  if (use.keepStale) {
    await destroyRows(stateDir, setId);
    return "copy_stale";
  }
  // A copy whose bytes are not those that were verified is never matched with; the other sets still are.
  const copy = await openCopy(stateDir, setId).catch(() => undefined);
  if (copy === undefined)
    return (await findCurrent(stateDir, setId).catch(() => null)) === undefined ? undefined : "copy_damaged";
  const index = indexSet(copy);
  if (index === undefined) return undefined;
  const stale = isForReview(status, use.stale);
  const isWatched = index.about.stream === "test" || isNewPublisher(status, now);
  const mode = effectiveMode(isWatched ? "observe" : modes[index.set], !stale);
  return { index, origins: copy.origins, recalls: await recallsOf(stateDir, setId, now), stale, mode };
}

/** Stands for recalls that are there and cannot be read: any entry, for as long as that is so. */
const UNREADABLE = {
  recall: 0,
  iat: 0,
  exp: Date.UTC(9999, 11, 31) / 1000,
  releases: [1, Number.MAX_SAFE_INTEGER],
} as unknown as Recall;

async function recallsOf(stateDir: string, setId: SetId, now: Date): Promise<Recalls> {
  try {
    return await listInForce(stateDir, setId, now);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    // What was recalled cannot be read: then anything may have been.
    return [{ recall: UNREADABLE, listed: undefined }];
  }
}

function matchSet(opened: Opened, hashes: FileHashes, now: Date): Hit[] {
  return matchIndex(opened, hashes, now).map((hit) => applyRecalls(opened, hit));
}

/** While a recall is in force its entries are for review, and deleted is nothing (DESIGN rule 3). */
function applyRecalls({ origins, recalls }: Opened, hit: Hit): Hit {
  const entry = originOf(origins, hit.entry.id);
  const covering = recalls.filter(({ recall, listed }) => recallCovers(recall, entry, listed));
  const last = covering.sort((a, b) => b.recall.exp - a.recall.exp)[0]?.recall;
  if (last === undefined) return hit;
  const recalled = { recall: last.recall, until: new Date(last.exp * 1000).toISOString() };
  return { ...hit, level: "review", mode: hit.mode === "block" ? "review" : hit.mode, recalled };
}

function matchIndex({ index, mode, stale }: Opened, hashes: FileHashes, now: Date): Hit[] {
  const common = {
    set: index.set,
    release: index.release,
    mode,
    stale,
    tlp: index.about.tlp,
    test: index.about.stream === "test",
  };
  const hits: Hit[] = [];
  for (const alg of ["md5", "sha1", "sha256"] as const) {
    for (const line of index.exact.get(`${alg}:${hashes[alg]}`) ?? []) {
      hits.push({ ...common, entry: index.entryAt(line), level: stale ? "review" : "act", how: { alg } });
    }
  }
  hits.push(...matchPdq(index, hashes, stale).map((hit) => ({ ...common, ...hit })));
  return hits.filter(({ entry }) => entry.expires_at === undefined || Date.parse(entry.expires_at) > now.getTime());
}

function matchPdq(index: IndexedSet, { pdq }: FileHashes, stale: boolean): Pick<Hit, "entry" | "level" | "how">[] {
  const { act_distance: actDistance, review_distance: reviewDistance, quality_floor: qualityFloor } = index.about;
  if (pdq === undefined || actDistance === undefined || reviewDistance === undefined) return [];
  if (pdq.quality < (qualityFloor ?? 0) || pdq.ambiguous_bits > AMBIGUOUS_BITS_MAX) return [];
  return searchPdq(index, pdq.hash, reviewDistance).flatMap(({ line, distance }) => {
    const entry = index.entryAt(line);
    const ambiguous = Math.max(unsureBits(pdq.ambiguous_bits), unsureBits(entry.ambiguous_bits));
    if ((entry.quality ?? 0) < (qualityFloor ?? 0) || ambiguous >= AMBIGUOUS_BITS_MAX) return [];
    // Bits that rounding decides may all have fallen the near way: only what holds without them is acted on.
    const act = !stale && distance + ambiguous <= actDistance;
    return [
      {
        entry,
        level: act ? ("act" as const) : ("review" as const),
        how: { alg: "pdq" as const, distance, actDistance, reviewDistance },
      },
    ];
  });
}

/** The median counts itself, so 1 is a clean hash. */
function unsureBits(ambiguousBits: number | undefined): number {
  return Math.max(0, (ambiguousBits ?? 1) - 1);
}

function byUrgency(a: Hit, b: Hit): number {
  const distance = (hit: Hit) => ("distance" in hit.how ? hit.how.distance : -1);
  return a.level === b.level ? distance(a) - distance(b) : a.level === "act" ? -1 : 1;
}
