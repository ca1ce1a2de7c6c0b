/** Runs the vectors of what matches what: terms in texts, addresses in sets of addresses. */

import { hexOf, parseHex } from "../bytes.ts";
import { buildTermMatcher, foldText, type MatchableTerm, type Where } from "../match/terms/index.ts";
import { findTermFault } from "../match/terms/too-broad.ts";
import { urlKeys } from "../match/urls/keys.ts";
import { ExchangeError } from "../problem.ts";

export type MatchGiven = {
  /** `keys`: in hex, by name. */
  term_match: { terms: MatchableTerm[]; text: string; where: Where; keys?: Record<string, string> };
  url_match: { url: string };
};

export const MATCH_RUNNERS: { [Format in keyof MatchGiven]: (given: MatchGiven[Format]) => unknown } = {
  term_match: ({ terms, text, where, keys = {} }) => {
    for (const term of terms) {
      const fault = findTermFault(term);
      if (fault !== undefined) throw new ExchangeError(fault.code, { path: `/${fault.member}` });
    }
    const bytes = Object.fromEntries(Object.entries(keys).map(([name, hex]) => [name, parseHex(hex)]));
    const hits = buildTermMatcher(terms, { keys: bytes }).match(text, where);
    return { folded: foldText(text), hits: hits.map(({ at, start, end, layers }) => ({ at, start, end, layers })) };
  },
  url_match: ({ url }) => {
    const { candidates, ignored } = urlKeys(url);
    return { candidates: candidates.map(({ key, ...candidate }) => ({ ...candidate, key: hexOf(key) })), ignored };
  },
};
