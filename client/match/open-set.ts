/** One verified copy, opened to be matched with: what is built over its files, what is known of its age, and its recalls. */

import type { About } from "@breakwater/shared/about.ts";
import { type EntryByKind, parseEntry } from "@breakwater/shared/entries/index.ts";
import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type Recall, recallCovers } from "@breakwater/shared/recall.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import {
  ACT_STALE_DEFAULT_DAYS,
  type Copy,
  isOlderThan,
  openCopy,
  type RowRef,
  readStatus,
  type SetStatus,
} from "../sync/index.ts";
import { originOf } from "../sync/origins.ts";
import { listInForce } from "../sync/recalls.ts";
import { isClockBehind, isForReview, isNewPublisher, KEEP_STALE_DEFAULT_DAYS } from "../sync/status.ts";
import type { Found } from "./found.ts";
import { countRecords, openPartIndex, type PartIndex } from "./hash-index.ts";
import { partsOf } from "./parts.ts";
import { openTermIndex, type TermIndex } from "./term-index.ts";
import { openVideos, type VideoRows } from "./video-rows.ts";

/** Entries of hits that are kept parsed: one that goes round is hit many times in a row. */
const ENTRIES_CACHED_MAX = 8_192;
/** Building more than so many records takes long enough to be felt by who waits for an answer meanwhile. */
export const HEAVY_RECORDS = 50_000;

type Recalls = Awaited<ReturnType<typeof listInForce>>;

export type OpenSet = {
  setId: SetId;
  set: string;
  kind: SetKind;
  about: About;
  copy: Copy;
  parts: PartIndex[];
  terms?: TermIndex;
  videos?: VideoRows;
  status: SetStatus | undefined;
  recalls: Recalls;
  entryAt(row: RowRef): EntryByKind[SetKind];
};

/** Only to be opened elsewhere: whoever answers requests would stop for it. */
export type TooHeavy = { tooHeavy: true };

/**
 * @param options - `maxRecords`: give up rather than build more; `held`: the set as it is open now, used again where the
 *   bytes are the same
 * @throws ExchangeError `copy_damaged`
 */
export async function openSet(
  stateDir: string,
  setId: SetId,
  now: Date,
  { held, maxRecords = Number.POSITIVE_INFINITY }: { held?: OpenSet | undefined; maxRecords?: number } = {},
): Promise<OpenSet | TooHeavy | undefined> {
  const copy = await openCopy(stateDir, setId);
  if (copy === undefined) return undefined;
  try {
    return await openOver(copy, stateDir, now, held, maxRecords);
  } catch (error) {
    copy.close();
    if (error instanceof RangeError) throw new ExchangeError("copy_damaged", { reason: "index" }, { cause: error });
    throw error;
  }
}

async function openOver(
  copy: Copy,
  stateDir: string,
  now: Date,
  held: OpenSet | undefined,
  maxRecords: number,
): Promise<OpenSet | TooHeavy> {
  const { about } = copy.manifest;
  const built = held?.parts ?? [];
  const parts = await partsOf(copy);
  const fresh = parts.filter(({ key }) => !built.some(({ part }) => part.key === key));
  const records = fresh.reduce((sum, part) => sum + countRecords(part), 0);
  if (records > maxRecords) {
    copy.close();
    return { tooHeavy: true };
  }
  const opened: OpenSet = {
    setId: copy.setId,
    set: formatSetId(copy.setId),
    kind: about.kind,
    about,
    copy,
    parts: parts.map((part) => reuse(built, part) ?? openPartIndex(part)),
    status: await readStatus(stateDir, copy.setId),
    recalls: await recallsOf(stateDir, copy.setId, now),
    entryAt: cachedEntries(copy),
  };
  if (about.kind === "term") opened.terms = await openTermIndex(copy);
  if (about.kind === "hash") opened.videos = openVideos(opened);
  return opened;
}

function reuse(built: readonly PartIndex[], part: PartIndex["part"]): PartIndex | undefined {
  const same = built.find((one) => one.part.key === part.key);
  same?.part.rebind(part);
  return same;
}

function cachedEntries(copy: Copy): (row: RowRef) => EntryByKind[SetKind] {
  const { kind } = copy.manifest.about;
  const cached = new Map<RowRef, EntryByKind[SetKind]>();
  return (row) => {
    const known = cached.get(row);
    if (known !== undefined) return known;
    const entry = parseEntry(kind, copy.lineAt(row), { strict: false });
    // The first in is the first out: a hit that goes round comes back in soon enough.
    if (cached.size >= ENTRIES_CACHED_MAX) cached.delete(cached.keys().next().value as RowRef);
    cached.set(row, entry);
    return entry;
  };
}

/** What changes without the copy: when it was verified last, and what is recalled. */
export async function refreshStanding(opened: OpenSet, stateDir: string, now: Date): Promise<void> {
  opened.recalls = await recallsOf(stateDir, opened.setId, now);
  opened.status = await readStatus(stateDir, opened.setId);
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

/** @property clockBehind - stale for it: this machine's clock stands before the last verification */
export type Standing = {
  verifiedAt: string;
  stale: boolean;
  clockBehind: boolean;
  keepStale: boolean;
  newPublisher: boolean;
};

/** How the copy may be used at this moment. A crash between the switch and the status leaves no time in the status. */
export function standingOf({ about, copy, status }: OpenSet, now: Date): Standing {
  const verifiedAt = status?.verified_at ?? copy.current.switched_at;
  const clockBehind = isClockBehind(verifiedAt, now);
  const isOld = isOlderThan(verifiedAt, about.act_stale_days ?? ACT_STALE_DEFAULT_DAYS, now);
  return {
    verifiedAt,
    stale: isForReview(status, clockBehind || isOld),
    clockBehind,
    keepStale: isOlderThan(verifiedAt, about.keep_stale_days ?? KEEP_STALE_DEFAULT_DAYS, now),
    newPublisher: isNewPublisher(status, now),
  };
}

/** While a recall is in force its entries are for review, and deleted is nothing (DESIGN rule 3). */
export function findRecall({ copy, recalls }: OpenSet, id: string, now: Date): Found["recalled"] {
  if (recalls.length === 0) return undefined;
  const entry = originOf(copy.origins, id);
  const seconds = Math.floor(now.getTime() / 1000);
  const covering = recalls.filter(({ recall, listed }) => recall.exp > seconds && recallCovers(recall, entry, listed));
  const last = covering.sort((a, b) => b.recall.exp - a.recall.exp)[0]?.recall;
  return last === undefined ? undefined : { recall: last.recall, until: new Date(last.exp * 1000).toISOString() };
}
