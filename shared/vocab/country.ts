/** What a country's row says, and how one is found: the emergency block is never empty. */

import { z } from "zod";
import { COUNTRIES } from "./countries.ts";
import { codesOf, type Word } from "./vocabulary.ts";

/** How sure a row is. Only rows marked `read` were checked in a public source, on `verified_on`. */
export const COUNTRY_MARKS = {
  read: { label: "Checked in a public source" },
  part: { label: "Checked in part" },
  known: { label: "General knowledge, not checked" },
} as const satisfies Record<string, Word>;
export type CountryMark = keyof typeof COUNTRY_MARKS;

export const REPORT_CHANNELS = {
  web: { label: "Web form" },
  phone: { label: "Telephone" },
  provider_api: { label: "Interface for providers" },
} as const satisfies Record<string, Word>;
export type ReportChannel = keyof typeof REPORT_CHANNELS;

export type Country = {
  name: string;
  /** In the order to show; the first is the one to call. */
  emergency: readonly [string, ...string[]];
  hotline: string | null;
  authority: string;
  channels: readonly ReportChannel[];
  mark: CountryMark;
  /** A date, or null where nobody has checked the row yet. */
  verified_on: string | null;
};

export const ListedCountry = z.enum(codesOf(COUNTRIES));
export type ListedCountry = z.infer<typeof ListedCountry>;

/** Any ISO 3166-1 alpha-2 code by form: a country without a row here still has children in it. */
export const CountryCode = z.string().regex(/^[A-Z]{2}$/);
export type CountryCode = z.infer<typeof CountryCode>;

/** Where no row is: mobile networks connect 112 almost everywhere, and the words say that it may be another number. */
export const ELSEWHERE: Country = {
  name: "Elsewhere",
  emergency: ["112"],
  hotline: "Your country's hotline, by the INHOPE directory",
  authority: "Your local police",
  channels: ["web"],
  mark: "known",
  verified_on: null,
};

/** A country's row, or {@link ELSEWHERE}: the emergency block is never empty. */
export function getCountry(code: string): Country {
  return Object.hasOwn(COUNTRIES, code) ? COUNTRIES[code as ListedCountry] : ELSEWHERE;
}
