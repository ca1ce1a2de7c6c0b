/** Whom a service reports a find to, by country, and on what ground: words for a hit's next step. Data, dated and marked; no legal advice. */

import type { CountryMark, ListedCountry } from "./country.ts";
import { getCountry } from "./country.ts";

export type ProviderDuty = {
  /** required: the law names a duty of services. unknown: no row says so, which is not the same as none. */
  duty: "required" | "unknown";
  to: string;
  basis: string | null;
  mark: CountryMark;
  verified_on: string | null;
};

type Row = { to: string; basis: string; mark: CountryMark; verified_on: string | null };

const READ_ON = "2026-11-01";

const DUTIES: Partial<Record<ListedCountry, Row>> = {
  AU: {
    to: "the Australian Centre to Counter Child Exploitation",
    basis: "Criminal Code s 474.25",
    mark: "known",
    verified_on: null,
  },
  CA: {
    to: "the Canadian Centre for Child Protection (addresses) or the RCMP centre (what is on your own service)",
    basis: "Mandatory Reporting Act",
    mark: "part",
    verified_on: READ_ON,
  },
  GB: {
    to: "the National Crime Agency",
    basis: "Online Safety Act 2023 s 66",
    mark: "part",
    verified_on: READ_ON,
  },
  US: { to: "the NCMEC CyberTipline", basis: "18 U.S.C. 2258A", mark: "part", verified_on: READ_ON },
};

/** Hosting services tell the authorities of the member state of a suspected threat to life or safety. */
const DSA_BASIS = "Regulation (EU) 2022/2065, Article 18";
const DSA_COUNTRIES = new Set(
  "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" "),
);

/** A country's row; where there is none, its hotline or authority, and the plain word that the duty is not known. */
export function getProviderDuty(code: string): ProviderDuty {
  const row = Object.hasOwn(DUTIES, code) ? DUTIES[code as ListedCountry] : undefined;
  if (row !== undefined) return { duty: "required", ...row };
  const { authority, hotline } = getCountry(code);
  if (DSA_COUNTRIES.has(code)) {
    return { duty: "required", to: authority, basis: DSA_BASIS, mark: "known", verified_on: null };
  }
  return { duty: "unknown", to: hotline ?? authority, basis: null, mark: "known", verified_on: null };
}
