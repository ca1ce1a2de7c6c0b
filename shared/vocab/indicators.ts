/** Words of an indicator: behaviour, who towards whom, stage, what may be done, and what is counted. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

export const BEHAVIOURS = {
  contact_seeking: { label: "Seeking contact with children" },
  age_misrepresentation: { label: "Pretending another age" },
  moving_platform: { label: "Moving talk to another service" },
  isolation: { label: "Asking for secrecy" },
  gift_or_payment: { label: "Gifts or payment" },
  material_trading: { label: "Trading material" },
  material_advertising: { label: "Advertising material" },
  coded_posting: { label: "Coded posts" },
  link_rotation: { label: "Rotating links" },
  threat_to_publish: { label: "Threat to publish" },
  live_order: { label: "Live abuse on order" },
  ai_generation: { label: "Making material with AI" },
  comment_gathering: { label: "Gathering under ordinary pictures" },
  coercive_group: { label: "Coercion within a group" },
} as const satisfies Record<string, Word>;
export const Behaviour = z.enum(codesOf(BEHAVIOURS));
export type Behaviour = z.infer<typeof Behaviour>;

export const ACTORS = {
  adult_stranger: { label: "Adult, a stranger" },
  adult_known: { label: "Adult, known to the child" },
  peer: { label: "Another young person" },
  group: { label: "A group" },
  automated: { label: "Automated accounts" },
  unknown: { label: "Not known" },
} as const satisfies Record<string, Word>;
export const Actor = z.enum(codesOf(ACTORS));
export type Actor = z.infer<typeof Actor>;

export const TARGETS = {
  child: { label: "Children" },
  teenager: { label: "Teenagers" },
  parent: { label: "Parents" },
  buyer: { label: "Buyers" },
  service: { label: "A service" },
  unknown: { label: "Not known" },
} as const satisfies Record<string, Word>;
export const Target = z.enum(codesOf(TARGETS));
export type Target = z.infer<typeof Target>;

/** Several may hold at once; their order is not an order in time. */
export const STAGES = {
  selection: { label: "Choosing" },
  contact: { label: "Contact" },
  trust: { label: "Trust" },
  isolation: { label: "Isolation" },
  sexualisation: { label: "Sexualisation" },
  coercion: { label: "Coercion" },
  exchange_of_material: { label: "Exchange of material" },
  payment: { label: "Payment" },
  meeting: { label: "Meeting" },
  distribution: { label: "Distribution" },
} as const satisfies Record<string, Word>;
export const Stage = z.enum(codesOf(STAGES));
export type Stage = z.infer<typeof Stage>;

export const PHASES = {
  preparatory: { label: "Preparatory" },
  offence: { label: "Offence" },
} as const satisfies Record<string, Word>;
export const Phase = z.enum(codesOf(PHASES));
export type Phase = z.infer<typeof Phase>;

/** `ban` is refused where the account may be the victim's own. */
export const INDICATOR_ACTIONS = {
  observe: { label: "Observe" },
  review: { label: "Review" },
  warn_and_signpost: { label: "Warn and show where help is" },
  limit_contact: { label: "Limit contact" },
  offer_support: { label: "Offer support" },
  ban: { label: "Ban" },
} as const satisfies Record<string, Word>;
export const IndicatorAction = z.enum(codesOf(INDICATOR_ACTIONS));
export type IndicatorAction = z.infer<typeof IndicatorAction>;

export const MEASURES = {
  reports: { label: "Reports" },
  cases: { label: "Cases" },
  accounts: { label: "Accounts" },
  messages: { label: "Messages" },
  contacts: { label: "Contacts" },
  uploads: { label: "Uploads" },
  addresses: { label: "Addresses" },
  payments: { label: "Payments" },
} as const satisfies Record<string, Word>;
export const Measure = z.enum(codesOf(MEASURES));
export type Measure = z.infer<typeof Measure>;
