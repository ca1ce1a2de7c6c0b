/** Words of a term entry: how it matches, where, and what it may ask for. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

export const TERM_MATCHES = {
  token: { label: "Whole word" },
  phrase: { label: "Phrase" },
  substring: { label: "Part of a word" },
  emoji: { label: "Emoji" },
} as const satisfies Record<string, Word>;
export const TermMatch = z.enum(codesOf(TERM_MATCHES));
export type TermMatch = z.infer<typeof TermMatch>;

export const TERM_CONTEXTS = {
  search: { label: "Search" },
  chat: { label: "Chat" },
  username: { label: "User name" },
  group: { label: "Group name" },
  advert: { label: "Advert" },
} as const satisfies Record<string, Word>;
export const TermContext = z.enum(codesOf(TERM_CONTEXTS));
export type TermContext = z.infer<typeof TermContext>;

/** How often innocent people use it. */
export const AMBIGUITIES = {
  none: { label: "None" },
  low: { label: "Low" },
  medium: { label: "Medium" },
  high: { label: "High", hint: "Never blocked on its own." },
} as const satisfies Record<string, Word>;
export const Ambiguity = z.enum(codesOf(AMBIGUITIES));
export type Ambiguity = z.infer<typeof Ambiguity>;

/** Mildest first. */
export const TERM_ACTIONS = {
  suppress_autocomplete: { label: "Leave out of suggestions" },
  warn_and_signpost: { label: "Warn and show where help is" },
  review: { label: "Review" },
  block: { label: "Block" },
} as const satisfies Record<string, Word>;
export const TermAction = z.enum(codesOf(TERM_ACTIONS));
export type TermAction = z.infer<typeof TermAction>;
