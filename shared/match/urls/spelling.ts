/** The one spelling of an address: what the URL standard serialises, with everything evened out that two people may write differently. */

import { ExchangeError } from "../../problem.ts";
import type { UrlScope } from "../../vocab/urls.ts";

/** Longest text that is read as an address at all. Entries are far shorter; a longer visit still has a host and a path. */
export const URL_TEXT_MAX_CHARS = 65_536;

/**
 * An http or https address.
 *
 * @throws ExchangeError `url_invalid` with reason `length`, `form`, `scheme` or `host`; never with the address
 */
export function parseAddress(text: string): URL {
  if (text.length > URL_TEXT_MAX_CHARS) throw new ExchangeError("url_invalid", { reason: "length" });
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ExchangeError("url_invalid", { reason: "form" });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new ExchangeError("url_invalid", { reason: "scheme" });
  const host = url.hostname.replace(/\.+$/, "");
  // Nothing but dots stays as it is: the setter ignores an empty host.
  if (host === "") throw new ExchangeError("url_invalid", { reason: "host" });
  url.hostname = host;
  return url;
}

/**
 * Lower-case ASCII host without final dot, no default port, no fragment, escapes evened out, no empty query; with scope
 * `path` no query, with scope `host` no path either. What tracks visitors stays: it may be what finds the material.
 */
export function spellUrl(address: URL, scope: UrlScope): string {
  const url = new URL(address.href);
  url.hash = "";
  url.pathname = scope === "host" ? "/" : evenEscapes(url.pathname);
  const query = scope === "exact" ? evenEscapes(url.search.slice(1)) : "";
  // The setter takes one leading question mark off; the query may begin with another.
  url.search = query === "" ? "" : `?${query}`;
  return url.href;
}

/**
 * RFC 3986 §6.2.2: an escaped unreserved character is the character, escapes are written in capitals. A percent sign that
 * escapes nothing is escaped itself; otherwise `%%341` would have another spelling each time it is evened out.
 */
function evenEscapes(text: string): string {
  return text.replace(/%([0-9a-f]{2})?/gi, (_, hex?: string) => {
    if (hex === undefined) return "%25";
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : `%${hex.toUpperCase()}`;
  });
}

/** How many parts a path has: `/` none, `/a` and `/a/` one. */
export function pathDepth(pathname: string): number {
  return pathname.replace(/\/$/, "").split("/").length - 1;
}
