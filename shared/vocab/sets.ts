/** Words about a set: its kind, stream, surfaces, handling label and audience. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

export const SET_KINDS = {
  hash: { label: "Hash" },
  term: { label: "Term" },
  url: { label: "URL" },
  indicator: { label: "Indicator" },
} as const satisfies Record<string, Word>;
export const SetKind = z.enum(codesOf(SET_KINDS));
export type SetKind = z.infer<typeof SetKind>;

/** One stream a set, since members' legal bases differ by it. */
export const STREAMS = {
  photographic: { label: "Photographic" },
  ai_generated: { label: "AI-generated" },
  non_photographic: { label: "Non-photographic" },
  harmful_but_legal: {
    label: "Harmful but legal",
    hint: "Only an authorised body opens such a set; nobody subscribes to it by default.",
  },
  test: { label: "Test", hint: "Made-up data; nothing in it is acted on." },
} as const satisfies Record<string, Word>;
export const Stream = z.enum(codesOf(STREAMS));
export type Stream = z.infer<typeof Stream>;

export const SURFACES = {
  public_content: { label: "Public content" },
  private_messages: { label: "Private messages" },
  search: { label: "Search" },
  profiles: { label: "Profiles" },
  uploads: { label: "Uploads" },
} as const satisfies Record<string, Word>;
export const Surface = z.enum(codesOf(SURFACES));
export type Surface = z.infer<typeof Surface>;

/** FIRST TLP 2.0; the code is what stands after `TLP:`. */
export const TLP_LABELS = {
  CLEAR: { label: "TLP:CLEAR", hint: "No limit on passing it on." },
  GREEN: { label: "TLP:GREEN", hint: "Within the community." },
  AMBER: { label: "TLP:AMBER", hint: "Within your organisation and its clients, where needed." },
  "AMBER+STRICT": { label: "TLP:AMBER+STRICT", hint: "Within your organisation, where needed." },
  RED: { label: "TLP:RED", hint: "For the named people only." },
} as const satisfies Record<string, Word>;
export const Tlp = z.enum(codesOf(TLP_LABELS));
export type Tlp = z.infer<typeof Tlp>;

/** Who may read a set at an exchange (not signed: it is the serving exchange's rule), least trust first. */
export const TIERS = {
  test: { label: "Everybody with a key", hint: "Test sets only." },
  agreed: { label: "Members with an accepted agreement" },
  vetted: { label: "Vetted members" },
  named: { label: "By name only" },
} as const satisfies Record<string, Word>;
export const Tier = z.enum(codesOf(TIERS));
export type Tier = z.infer<typeof Tier>;

/** For whom the publisher means a set; a description, never a permission. */
export const AUDIENCES = {
  hosting: { label: "Hosting providers" },
  platforms: { label: "Platforms" },
  search: { label: "Search services" },
  messaging: { label: "Messaging services" },
  payment: { label: "Payment services" },
  hotlines: { label: "Hotlines" },
  authorities: { label: "Authorities" },
  research: { label: "Research" },
} as const satisfies Record<string, Word>;
export const Audience = z.enum(codesOf(AUDIENCES));
export type Audience = z.infer<typeof Audience>;
