/** A text against term sets: each term that is listed for its context and region, where it stands first. */

import type { EntryByKind } from "@breakwater/shared/entries/index.ts";
import { type Asked, addFound, askEach, nearest } from "./asked.ts";
import type { OpenSet } from "./open-set.ts";
import type { TermPlace } from "./term-index.ts";

export type TextReader = { push(chunk: string): void; end(): void };

/** Reads a text of any length as it comes; what was found is added at its end. */
export function openText(sets: readonly OpenSet[], asked: Asked): TextReader {
  const { context, country } = asked.query;
  const readers = new Map(
    sets.map((opened) => [opened, opened.terms?.open({ on: asked.now, context, region: country })]),
  );
  return {
    push(chunk) {
      for (const reader of readers.values()) reader?.push(chunk);
    },
    end: () =>
      askEach(sets, asked, "text", (opened) => {
        const reader = readers.get(opened);
        addPlaces(opened, asked, reader?.end() ?? []);
        if (reader?.limited) asked.notCompared.push({ what: "text", why: "cut_off" });
      }),
  };
}

function addPlaces(opened: OpenSet, asked: Asked, places: readonly TermPlace[]): void {
  const candidates = places.map(({ row, start, end, layer }) => ({
    row,
    level: "act" as const,
    how: { layer, start, end },
  }));
  for (const place of nearest(candidates, asked, "text")) {
    addFound(opened, asked, place, ({ entry }, candidate) => {
      // A word that innocent people use much is shown to somebody, whatever it asks for.
      const { ambiguity } = entry as EntryByKind["term"];
      return ambiguity === "high" ? { ...candidate, level: "review" } : candidate;
    });
  }
}
