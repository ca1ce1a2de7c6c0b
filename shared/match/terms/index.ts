/** Terms of many scripts against texts of any length: normalisation within the automaton, layers told apart, offsets in the original. */

export { LAYERS, type Layer, TABLES_VERSION } from "./alike.ts";
export { foldText } from "./fold.ts";
export { KEYED_WORDS_MAX, keyedDigest, keyedWords } from "./keyed.ts";
export { buildTermMatcher, type MatchableTerm, type TermMatcher, type Unusable, type Where } from "./matcher.ts";
export { COMPANION_WINDOW_CHARS, HITS_MAX, type TermHit, type TermStream } from "./stream.ts";
