// Helplines for children and young people by country. 116 111 is the number harmonised in the European Union
// (Commission Decision 2007/116/EC); outside of it only numbers of long standing are listed. Data: check before a release.
import { countryName } from "./countries.ts";
import { t } from "./i18n.ts";

const HARMONISED = "116 111";
const EUROPE = new Set(
  "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO CH".split(" "),
);
const OWN: Record<string, string> = {
  GB: "0800 1111",
  IN: "1098",
  NZ: "0800 942 8787",
  AU: "1800 55 1800",
  CA: "1-800-668-6868",
};

export function helplineIn(country: string | undefined): string | undefined {
  if (country === undefined) return undefined;
  return OWN[country] ?? (EUROPE.has(country) ? HARMONISED : undefined);
}

export function helplineWords(country: string | undefined): string {
  const number = helplineIn(country);
  if (number === undefined || country === undefined) return t("support.helpline_find");
  return t("support.helpline", { country: countryName(country), number });
}
