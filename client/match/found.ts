/** What was found in a copy, before anybody decided what follows from it. */

import type { EntryByKind } from "@breakwater/shared/entries/index.ts";
import type { Publisher } from "@breakwater/shared/ids.ts";
import type { TermContext } from "@breakwater/shared/vocab/terms.ts";
import type { How, MatchHashes, NotCompared } from "@breakwater/shared/wire/match.ts";

export type Query = {
  hashes?: MatchHashes | undefined;
  text?: string | undefined;
  url?: string | undefined;
  context?: TermContext | undefined;
  /** Terms may be listed for some regions only. */
  country?: string | undefined;
};

export type MatchedEntry =
  | { kind: "hash"; entry: EntryByKind["hash"] }
  | { kind: "term"; entry: EntryByKind["term"] }
  | { kind: "url"; entry: EntryByKind["url"] };

export type Found = MatchedEntry & {
  /** `publisher/set`. */
  set: string;
  publisher: Publisher;
  release: number;
  /** Which release put the entry there; with `earliest`, that one or one before it. */
  origin: { release: number; earliest?: number };
  /** act: near enough to be acted on; review: a person looks. */
  level: "act" | "review";
  how: How;
  distance?: number;
  stale: boolean;
  /** Stale because this machine's clock cannot be right. */
  clockBehind: boolean;
  /** The publisher takes the entry back for now: a person decides, whatever the mode says. */
  recalled?: { recall: number; until: string };
  newPublisher: boolean;
  tlp: string;
  test: boolean;
};

export type Matched = {
  /** What may be acted on first, nearest first. */
  found: Found[];
  notCompared: NotCompared[];
};

export function byUrgency(a: Found, b: Found): number {
  if (a.level !== b.level) return a.level === "act" ? -1 : 1;
  return (a.distance ?? -1) - (b.distance ?? -1);
}
