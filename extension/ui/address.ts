// How an address and a hash are put before a person: in a form that nothing turns into a link, cut where eyes tire.
import { defangHost } from "@breakwater/shared/reported-url.ts";
import { showAddress, showText } from "@breakwater/shared/shown-text.ts";

export type DefangedParts = { scheme: string; host: string; rest: string };

export function defangedParts(url: string): DefangedParts {
  const shown = showAddress(url);
  const match = /^(hxxps?:\/\/)([^/?#]*)(.*)$/s.exec(shown);
  return match
    ? { scheme: match[1] as string, host: match[2] as string, rest: match[3] as string }
    : { scheme: "", host: "", rest: shown };
}

export function defangedDomain(domain: string): string {
  return showText(defangHost(domain));
}

const GROUP = 4;

/** `88ec 8ac1 … 9a24`, and what a screen reader says instead. */
export function shortHash(alg: string, value: string): { shown: string; spoken: string } {
  const name = alg === "pdq" ? "PDQ" : alg === "md5" ? "MD5" : `SHA-${alg.slice(3)}`;
  const [first, second, last] = [value.slice(0, GROUP), value.slice(GROUP, 2 * GROUP), value.slice(-GROUP)];
  return { shown: `${first} ${second} … ${last}`, spoken: `${name}, starts ${first}, ends ${last}` };
}

export function hashName(alg: string): string {
  return shortHash(alg, "").spoken.split(",")[0] as string;
}
