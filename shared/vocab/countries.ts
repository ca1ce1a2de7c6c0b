/** Countries: the emergency number to show first, the hotline and the authority a report can be routed to. Data, dated and marked. */

import { z } from "zod";
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

const READ_ON = "2026-11-01";

/** By ISO 3166-1 alpha-2 code. */
export const COUNTRIES = {
  AT: {
    name: "Austria",
    emergency: ["133", "112"],
    hotline: "Stopline",
    authority: "Bundeskriminalamt",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  AU: {
    name: "Australia",
    emergency: ["000"],
    hotline: "eSafety Commissioner",
    authority: "Police, Australian Centre to Counter Child Exploitation",
    channels: ["web"],
    mark: "read",
    verified_on: READ_ON,
  },
  BE: {
    name: "Belgium",
    emergency: ["112"],
    hotline: "Child Focus",
    authority: "Federal police",
    channels: ["web", "phone"],
    mark: "known",
    verified_on: null,
  },
  BR: {
    name: "Brazil",
    emergency: ["190"],
    hotline: "SaferNet Brasil",
    authority: "Polícia Federal",
    channels: ["web"],
    mark: "read",
    verified_on: READ_ON,
  },
  CA: {
    name: "Canada",
    emergency: ["911"],
    hotline: "Cybertip.ca",
    authority: "Police, RCMP National Child Exploitation Crime Centre",
    channels: ["web", "provider_api"],
    mark: "read",
    verified_on: READ_ON,
  },
  CH: {
    name: "Switzerland",
    emergency: ["117", "112"],
    hotline: "clickandstop.ch",
    authority: "fedpol, cantonal police",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  CO: {
    name: "Colombia",
    emergency: ["123"],
    hotline: "Te Protejo",
    authority: "Police",
    channels: ["web"],
    mark: "part",
    verified_on: READ_ON,
  },
  CZ: {
    name: "Czechia",
    emergency: ["112"],
    hotline: "STOPonline.cz",
    authority: "Police",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  DE: {
    name: "Germany",
    emergency: ["110", "112"],
    hotline: "eco, FSM, jugendschutz.net",
    authority: "Police, Bundeskriminalamt",
    channels: ["web"],
    mark: "read",
    verified_on: READ_ON,
  },
  DK: {
    name: "Denmark",
    emergency: ["112"],
    hotline: "Red Barnet",
    authority: "National Special Crime Unit",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  ES: {
    name: "Spain",
    emergency: ["112"],
    hotline: "INCIBE",
    authority: "Policía Nacional, Guardia Civil",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  FI: {
    name: "Finland",
    emergency: ["112"],
    hotline: "Nettivihje",
    authority: "National Bureau of Investigation",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  FR: {
    name: "France",
    emergency: ["17", "112"],
    hotline: "Point de Contact",
    authority: "PHAROS, OFMIN",
    channels: ["web"],
    mark: "part",
    verified_on: READ_ON,
  },
  GB: {
    name: "United Kingdom",
    emergency: ["999"],
    hotline: "Internet Watch Foundation",
    authority: "Police, National Crime Agency",
    channels: ["web", "provider_api"],
    mark: "read",
    verified_on: READ_ON,
  },
  GR: {
    name: "Greece",
    emergency: ["112"],
    hotline: "SafeLine",
    authority: "Hellenic Police",
    channels: ["web"],
    mark: "part",
    verified_on: READ_ON,
  },
  IE: {
    name: "Ireland",
    emergency: ["112", "999"],
    hotline: "Hotline.ie",
    authority: "An Garda Síochána",
    channels: ["web"],
    mark: "part",
    verified_on: READ_ON,
  },
  IN: {
    name: "India",
    emergency: ["112"],
    hotline: "National Cyber Crime Reporting Portal",
    authority: "Police, I4C",
    channels: ["web", "phone"],
    mark: "part",
    verified_on: READ_ON,
  },
  IT: {
    name: "Italy",
    emergency: ["112"],
    hotline: "Telefono Azzurro, Stop-It",
    authority: "Polizia Postale",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  JP: {
    name: "Japan",
    emergency: ["110"],
    hotline: "Internet Hotline Center",
    authority: "National Police Agency",
    channels: ["web"],
    mark: "read",
    verified_on: READ_ON,
  },
  KH: {
    name: "Cambodia",
    emergency: ["117"],
    hotline: "Internet Hotline Cambodia",
    authority: "Police",
    channels: ["web", "phone"],
    mark: "part",
    verified_on: READ_ON,
  },
  KR: {
    name: "South Korea",
    emergency: ["112"],
    hotline: "National content regulator",
    authority: "Korean National Police",
    channels: ["web", "phone"],
    mark: "known",
    verified_on: null,
  },
  MX: {
    name: "Mexico",
    emergency: ["911"],
    hotline: "Te Protejo México",
    authority: "Police",
    channels: ["web"],
    mark: "part",
    verified_on: READ_ON,
  },
  NL: {
    name: "Netherlands",
    emergency: ["112"],
    hotline: "Offlimits",
    authority: "Police, ATKM",
    channels: ["web"],
    mark: "read",
    verified_on: READ_ON,
  },
  NO: {
    name: "Norway",
    emergency: ["112"],
    hotline: null,
    authority: "Kripos",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  NZ: {
    name: "New Zealand",
    emergency: ["111"],
    hotline: "Department of Internal Affairs, Netsafe",
    authority: "Police",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  PL: {
    name: "Poland",
    emergency: ["112"],
    hotline: "Dyżurnet.pl",
    authority: "Police",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  PT: {
    name: "Portugal",
    emergency: ["112"],
    hotline: "Linha Internet Segura",
    authority: "Polícia Judiciária",
    channels: ["web"],
    mark: "known",
    verified_on: null,
  },
  SE: {
    name: "Sweden",
    emergency: ["112"],
    hotline: "ECPAT Sverige",
    authority: "Police",
    channels: ["web"],
    mark: "part",
    verified_on: READ_ON,
  },
  US: {
    name: "United States",
    emergency: ["911"],
    hotline: "NCMEC CyberTipline",
    authority: "Police, ICAC task forces, FBI",
    channels: ["web", "provider_api"],
    mark: "read",
    verified_on: READ_ON,
  },
  ZA: {
    name: "South Africa",
    emergency: ["10111"],
    hotline: "Film and Publication Board",
    authority: "South African Police Service",
    channels: ["web", "phone"],
    mark: "known",
    verified_on: null,
  },
} as const satisfies Record<string, Country>;

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
