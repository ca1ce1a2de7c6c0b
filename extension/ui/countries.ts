// Which country to choose from, and what is known of it: its name in the reader's language, its emergency numbers.
import { COUNTRIES, getCountry } from "@breakwater/shared/vocab/index.ts";

// ISO 3166-1 alpha-2, all that are assigned: a child may be anywhere, so no country is missing from the list.
const ASSIGNED =
  "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

export type CountryChoice = { code: string; name: string };

export function countryName(code: string, language = "en"): string {
  return new Intl.DisplayNames([language], { type: "region" }).of(code) ?? code;
}

export function listCountries(language = "en"): CountryChoice[] {
  return ASSIGNED.split(" ")
    .map((code) => ({ code, name: countryName(code, language) }))
    .sort((a, b) => a.name.localeCompare(b.name, language));
}

export type Emergency = { call: string; also: readonly string[]; known: boolean };

/** Not known: 112 is what mobile networks connect almost everywhere, and the words say that it may be another. */
export function emergencyIn(code: string | undefined): Emergency {
  const [call, ...also] = getCountry(code ?? "").emergency;
  return { call, also, known: code !== undefined && Object.hasOwn(COUNTRIES, code) };
}
