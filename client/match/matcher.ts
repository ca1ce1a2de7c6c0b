/** Comparing what is asked with the verified copies on this machine; it says what is there, and decides nothing. */

import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { UnusableCode } from "@breakwater/shared/wire/match.ts";
import { destroyRows } from "../sync/copy.ts";
import { type Current, findCurrent, listCopies } from "../sync/index.ts";
import type { Asked } from "./asked.ts";
import { byUrgency, type Matched, type Query } from "./found.ts";
import { kindOf, tellLeftOut, tellUnusable, type Unusable } from "./left-out.ts";
import { matchHashes } from "./match-hashes.ts";
import { openText } from "./match-text.ts";
import { matchUrl } from "./match-url.ts";
import { type OpenSet, openSet, refreshStanding, type Standing, standingOf } from "./open-set.ts";

export type UnusableCopy = { set: string; code: UnusableCode };
export type SetFacts = Standing & {
  set: string;
  kind: OpenSet["kind"];
  release: number;
  entries: number;
  state: string | null;
};

export type Refreshed = {
  /** Sets that were opened, opened anew, or let go. */
  changed: number;
  /** Sets whose change is too large to take over while requests wait: open another matcher. */
  heavy: string[];
  /** Sets that could not be taken over; what was there before goes on. */
  failed: string[];
};

export type MatchingText = { push(chunk: string): void; end(): Matched };

export type Matcher = {
  sets(now: Date): SetFacts[];
  /** Copies that were too old to keep and are gone, and copies that could not be opened. */
  unusable(): UnusableCopy[];
  /** @throws ExchangeError `url_invalid` */
  match(query: Query, now: Date): Matched;
  /** A text of any length, handed over in pieces. */
  readText(query: Omit<Query, "text">, now: Date): MatchingText;
  /** Takes over what a sync, a recall or a person's command changed. Not to be called again before it has ended. */
  refresh(now: Date, options?: { maxRecords?: number }): Promise<Refreshed>;
  close(): void;
};

/** Opens every verified copy. Indicator sets are texts for people: there is nothing to compare them with. */
export async function openMatcher(stateDir: string, now: Date): Promise<Matcher> {
  const open = new Map<string, OpenSet>();
  const unusable = new Map<string, Unusable>();

  /** Copies whose lines turned out to be changed; they are not opened again before there is another copy. */
  const changed = new Map<string, Current>();
  /** Indicator sets: looked into once and closed, so that each check of them is no news to whoever answers. */
  const indicators = new Map<string, Current>();

  function drop(set: string): void {
    open.get(set)?.copy.close();
    open.delete(set);
  }

  /** @returns whether anything changed */
  async function take(setId: SetId, at: Date, maxRecords: number): Promise<"same" | "changed" | "heavy"> {
    const set = formatSetId(setId);
    const held = open.get(set);
    const current = await findCurrent(stateDir, setId);
    if (current === undefined) {
      drop(set);
      return held === undefined ? "same" : "changed";
    }
    // First, and whatever becomes of the new copy: a recall holds for the one that answers until then.
    if (held !== undefined) await refreshStanding(held, stateDir, at);
    const bad = changed.get(set);
    if (bad !== undefined && isSame(bad, current)) return "same";
    changed.delete(set);
    const known = indicators.get(set);
    if (known !== undefined && isSame(known, current)) return "same";
    if (held !== undefined && isSame(held.copy.current, current)) return "same";
    const fresh = await openSet(stateDir, setId, at, { held, maxRecords });
    if (fresh !== undefined && "tooHeavy" in fresh) return "heavy";
    // One step: whoever asks sees the old copy or the new one.
    if (fresh === undefined || fresh.kind === "indicator") {
      if (fresh !== undefined) indicators.set(set, current);
      fresh?.copy.close();
      drop(set);
      unusable.delete(set);
      return held === undefined ? "same" : "changed";
    } else {
      open.set(set, fresh);
      held?.copy.close();
    }
    unusable.delete(set);
    return "changed";
  }

  async function endTooOld(setId: SetId, at: Date): Promise<boolean> {
    const set = formatSetId(setId);
    const held = open.get(set);
    if (held === undefined || !standingOf(held, at).keepStale) return false;
    drop(set);
    await destroyRows(stateDir, setId);
    unusable.set(set, { code: "copy_stale", kind: held.kind });
    return true;
  }

  async function refresh(at: Date, { maxRecords = Number.POSITIVE_INFINITY } = {}): Promise<Refreshed> {
    const done: Refreshed = { changed: 0, heavy: [], failed: [] };
    const listed = await listCopies(stateDir);
    for (const setId of listed) {
      const set = formatSetId(setId);
      try {
        // A copy that was destroyed for its age stays in the list of what was held, and cannot be opened.
        const taken = await take(setId, at, maxRecords);
        if (taken === "heavy") done.heavy.push(set);
        if (taken === "changed") done.changed += 1;
        if (await endTooOld(setId, at)) done.changed += 1;
      } catch (error) {
        if (!(error instanceof ExchangeError)) throw error;
        // A copy whose bytes are not those that were verified is never matched with; the other sets still are.
        const code = error.code === "state_newer" ? error.code : "copy_damaged";
        if (!open.has(set) && unusable.get(set) === undefined) {
          unusable.set(set, { code, kind: await kindOf(stateDir, setId) });
        }
        done.failed.push(set);
      }
    }
    const names = new Set(listed.map(formatSetId));
    for (const set of [...open.keys()].filter((name) => !names.has(name))) {
      drop(set);
      done.changed += 1;
    }
    return done;
  }

  const ofKind = (kind: OpenSet["kind"]) => [...open.values()].filter((one) => one.kind === kind);

  function ask(query: Query, at: Date): Asked {
    const asked: Asked = { query, now: at, found: [], notCompared: [], failed };
    tellUnusable([...unusable.values()], query, asked);
    return asked;
  }

  function match(query: Query, at: Date): Matched {
    const asked = ask(query, at);
    if (query.hashes !== undefined) {
      matchHashes(ofKind("hash"), query.hashes, asked);
      tellLeftOut(ofKind("hash"), query.hashes, asked);
    }
    if (query.url !== undefined) matchUrl(ofKind("url"), query.url, asked);
    if (query.text !== undefined) {
      const reader = openText(ofKind("term"), asked);
      reader.push(query.text);
      reader.end();
    }
    return { found: asked.found.sort(byUrgency), notCompared: asked.notCompared };
  }

  function readText(query: Omit<Query, "text">, at: Date): MatchingText {
    const asked = ask({ ...query, text: "" }, at);
    const reader = openText(ofKind("term"), asked);
    return {
      push: reader.push,
      end() {
        reader.end();
        return { found: asked.found.sort(byUrgency), notCompared: asked.notCompared };
      },
    };
  }

  /** A line that is no longer what was verified: the set is not used again before it was loaded anew. */
  function failed({ set, copy, kind }: OpenSet): void {
    changed.set(set, copy.current);
    drop(set);
    unusable.set(set, { code: "copy_damaged", kind });
  }

  await refresh(now);
  return {
    sets: (at) =>
      [...open.values()].map((one) => ({
        ...standingOf(one, at),
        set: one.set,
        kind: one.kind,
        release: one.copy.current.release,
        entries: one.copy.entries,
        state: one.status?.state ?? null,
      })),
    unusable: () => [...unusable].map(([set, { code }]) => ({ set, code })),
    match,
    readText,
    refresh,
    close() {
      for (const set of [...open.keys()]) drop(set);
    },
  };
}

/** The switch time is in it: a copy that was loaded anew is another one. */
function isSame(a: Current, b: Current): boolean {
  return a.statement === b.statement && a.switched_at === b.switched_at && a.state === b.state;
}
