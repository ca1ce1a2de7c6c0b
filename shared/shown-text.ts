/** Text of strangers before a person: nothing in it is a live address, and no mark in it is unseen. */
import { defangHost, defangUrl } from "./reported-url.ts";

// Controls and direction marks could make one address look like another; they are shown as what they are.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const ADDRESS_IN_TEXT = /https?:\/\/[^\s"'<>“”]*/giu;
/** What programs take for an address although it names no scheme. */
const BARE_HOST = /\bwww\.[^\s/?#"'<>]+/giu;

export function showText(text: string): string {
  return text.replace(UNSEEN, (mark) => `\\u${(mark.codePointAt(0) as number).toString(16).padStart(4, "0")}`);
}

/** Words that a flagger or a publisher wrote, with the addresses in them broken. Line breaks stay: they hide nothing. */
export function showWords(text: string): string {
  return text
    .split("\n")
    .map((line) =>
      showText(line)
        .replace(ADDRESS_IN_TEXT, (address) => defangUrl(address))
        .replace(BARE_HOST, (host) => defangHost(host)),
    )
    .join("\n");
}

/** An address of which only this spelling is shown. */
export function showAddress(url: string): string {
  return showText(defangUrl(url));
}
