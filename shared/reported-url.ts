/** Addresses that people report: their own length and scheme rule, what is stripped, the form for comparing, defanging. */

import { getDomain } from "tldts";
import { type Bytes, hexOf, utf8Of } from "./bytes.ts";
import { ExchangeError } from "./problem.ts";

/** The longest address that the forms downstream of a hotline take. */
export const REPORTED_URL_MAX_LENGTH = 2_083;
/** What stands in the place of a removed part; brackets survive the URL serialiser, so the form is stable. */
export const REMOVED = "[removed]";
/** Bytes of the key that a hotline gives to its devices for digests of addresses. */
export const URL_KEY_BYTES = 32;

export type ReportedUrl = {
  /** as the hotline needs it to find the material; sealed, never in clear */
  url: string;
  /** for comparing and for the keyed digest; sealed, never in clear */
  url_canonical: string;
  /** registrable domain, onion host, or the bare host where there is neither; in clear */
  domain: string;
  /** something that belonged to the flagger was taken out */
  redacted: boolean;
};

// Names that say "the visitor's session". A name that can also be part of a signed address (token, key, sig, expires,
// X-Amz-*, hdnts, oh, oe …) is not here: without it the material cannot be found, and the address is sealed anyway.
const SESSION_NAMES = new Set([
  "phpsessid",
  "jsessionid",
  "sid",
  "sess",
  "sessid",
  "session",
  "sessionid",
  "session_id",
  "session_key",
  "sessionkey",
  "session_token",
  "sessiontoken",
  "login_token",
  "user_token",
  "auth_token",
  "authtoken",
  "access_token",
  "accesstoken",
  "id_token",
  "refresh_token",
  "bearer",
  "jwt",
  "sso",
  "sso_token",
  "api_key",
  "apikey",
  "password",
  "passwd",
  "pwd",
  "csrf",
  "csrf_token",
  "csrftoken",
  "_csrf",
  "xsrf",
  "xsrf_token",
  "authenticity_token",
  "samlresponse",
  "email",
]);
const SESSION_PREFIX = /^(?:aspsessionid|cfid$|cftoken$)/;
// Board software names its session with one letter; only a value that looks like one goes.
const BOARD_SESSION_VALUE = /^[0-9a-f]{32}$/i;
const TRACKING_NAME = /^(?:utm_[a-z]+|fbclid|gclid|dclid|msclkid|igshid|mc_[ce]id|yclid|_ga)$/i;
const PATH_SESSION = /;(jsessionid|phpsessid|sid)=[^/;?#]*/gi;
// ASP.NET without cookies: the session, sign-in and anonymous tickets stand as a segment of their own.
const PATH_TICKET = /\/\((?:[a-z]\([^()/]*\)|\[removed\])+\)(?=\/|$)/gi;
// A pair of an address that stands, escaped, inside a value: `next=%2Fa%3Fsid%3D…`.
const NESTED_PAIR = /(%3f|%26|%3b)([a-z0-9_.-]{1,64})%3d(.*?)(?=%26|%23|%3b|[&;#]|$)/gi;
const INLINE_DATA = /data(?::|%3a)[a-z0-9.+/%-]*(?:;|%3b)base64(?:,|%2c)[a-z0-9+/=_%-]*/gi;
const CONTENT_FRAGMENT = /^[!/]/;
// Signing schemes that are renewed for every visitor: they find the material today and tell nothing apart.
const SIGNING_SCHEMES: { all: string[]; drop: RegExp }[] = [
  { all: ["x-amz-signature"], drop: /^x-amz-/i },
  { all: ["x-goog-signature"], drop: /^x-goog-/i },
  { all: ["signature", "key-pair-id"], drop: /^(?:expires|signature|key-pair-id|policy)$/i },
  { all: ["signature", "googleaccessid"], drop: /^(?:expires|signature|googleaccessid)$/i },
  { all: ["sig", "sv"], drop: /^(?:sv|se|st|sr|sp|sig|spr|skoid|sktid|skt|ske|sks|skv|sip)$/i },
];

/**
 * An address as a person met it, without what belongs to the person.
 *
 * @throws ExchangeError `url_invalid` with a reason; never with the address
 */
export function parseReportedUrl(input: string): ReportedUrl {
  const text = input.trim();
  if (text.length === 0) throw new ExchangeError("url_invalid", { reason: "empty" });
  if (!/^https?:/i.test(text)) throw new ExchangeError("url_invalid", { reason: "scheme" });
  // WHATWG would make https:///t/1 and https:t/1 an address of the host "t".
  if (!/^https?:\/\/[^/\\]/i.test(text) || !URL.canParse(text))
    throw new ExchangeError("url_invalid", { reason: "form" });
  const url = new URL(text);
  if (url.hostname === "" || url.hostname === ".") throw new ExchangeError("url_invalid", { reason: "host" });
  const redacted = strip(url);
  const url_canonical = canonicalUrl(url);
  // A signature too long to carry is left behind sooner than the report: the place is still found.
  const isLong = url.href.length > REPORTED_URL_MAX_LENGTH;
  if (isLong && url_canonical.length > REPORTED_URL_MAX_LENGTH) {
    throw new ExchangeError("url_invalid", { reason: "length", max: REPORTED_URL_MAX_LENGTH });
  }
  const written = isLong ? url_canonical : url.href;
  return { url: written, url_canonical, domain: domainOf(url.hostname), redacted: redacted || isLong };
}

/** Whether a text is an address by the rule of this file: what the imagery gate spares in an address field. */
export function isReportedUrl(text: string): boolean {
  return text.length <= REPORTED_URL_MAX_LENGTH && /^https?:\/\/[^\s/]/i.test(text) && URL.canParse(text);
}

/** Takes out user name, password, session parameters and inline data; returns whether anything went. */
function strip(url: URL): boolean {
  const hadUserinfo = url.username !== "" || url.password !== "";
  url.username = "";
  url.password = "";
  url.pathname = stripPath(url.pathname);
  url.search = stripPairs(url.search.slice(1));
  url.hash = stripFragment(url.hash.slice(1).replace(/:~:.*$/, ""));
  // A data address inside an address could carry a small picture; the rest still finds the place.
  const tail = (part: string): string => stripNested(part.replace(INLINE_DATA, REMOVED));
  url.pathname = tail(url.pathname);
  url.search = tail(url.search);
  url.hash = tail(url.hash);
  return hadUserinfo || url.href.includes(REMOVED);
}

function stripPath(path: string): string {
  return path.replace(PATH_SESSION, (_, name: string) => `;${name}=${REMOVED}`).replace(PATH_TICKET, `/(${REMOVED})`);
}

/** An OAuth answer puts its tokens there as pairs, a route has a query of its own; anything else may be a file's key. */
function stripFragment(fragment: string): string {
  if (/^[\w-]+=/.test(fragment)) return stripPairs(fragment);
  const at = fragment.indexOf("?");
  if (!CONTENT_FRAGMENT.test(fragment) || at < 0) return stripPath(fragment);
  return `${stripPath(fragment.slice(0, at))}?${stripPairs(fragment.slice(at + 1))}`;
}

function stripNested(text: string): string {
  return text.replace(NESTED_PAIR, (pair, before: string, name: string, value: string) =>
    value !== "" && isSession(name, value) ? `${before}${name}%3D${REMOVED}` : pair,
  );
}

function stripPairs(query: string): string {
  return query
    .split(/([&;])/)
    .map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1 || at === pair.length - 1) return pair;
      return isSession(pair.slice(0, at), pair.slice(at + 1)) ? `${pair.slice(0, at)}=${REMOVED}` : pair;
    })
    .join("");
}

function isSession(rawName: string, value: string): boolean {
  if (value === REMOVED) return true;
  const name = nameOf(rawName);
  if (name === "s") return BOARD_SESSION_VALUE.test(value);
  return SESSION_NAMES.has(name) || SESSION_PREFIX.test(name);
}

function nameOf(rawName: string): string {
  try {
    return decodeURIComponent(rawName).toLowerCase();
  } catch {
    return rawName.toLowerCase(); // a stray % is no name of ours
  }
}

/** WHATWG form, with what changes from visitor to visitor left out: two reports of one place give one text. */
function canonicalUrl(stripped: URL): string {
  const url = new URL(stripped.href);
  url.hostname = url.hostname.replace(/\.$/, "");
  url.pathname = evenEscapes(url.pathname.replace(PATH_SESSION, "").replace(PATH_TICKET, ""));
  const pairs = url.search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "");
  const names = new Set(pairs.map((pair) => nameOf(pair.split("=", 1)[0] as string)));
  const schemes = SIGNING_SCHEMES.filter(({ all }) => all.every((name) => names.has(name)));
  url.search = pairs
    .filter((pair) => {
      const at = pair.indexOf("=");
      const name = nameOf(at < 0 ? pair : pair.slice(0, at));
      if (TRACKING_NAME.test(name) || schemes.some(({ drop }) => drop.test(name))) return false;
      return at < 0 || !isSession(name, pair.slice(at + 1));
    })
    .map(evenEscapes)
    .join("&");
  if (!CONTENT_FRAGMENT.test(url.hash.slice(1))) url.hash = "";
  return url.href;
}

/** RFC 3986 §6.2.2: an escaped unreserved character is the character; escapes are written in capitals. */
function evenEscapes(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : `%${hex.toUpperCase()}`;
  });
}

function domainOf(hostname: string): string {
  const host = hostname.replace(/\.$/, "");
  return getDomain(host) ?? host;
}

/**
 * The keyed digest by which reports of one address are joined without the exchange knowing the address.
 *
 * @param urlKey - {@link URL_KEY_BYTES} bytes that the hotline gave to its devices
 * @returns 64 lower-case hex digits of HMAC-SHA-256 over the canonical form
 */
export async function digestUrl(urlKey: Uint8Array, urlCanonical: string): Promise<string> {
  if (urlKey.length !== URL_KEY_BYTES) throw new RangeError(`urlKey: expected ${URL_KEY_BYTES} bytes`);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", urlKey as Bytes, algorithm, false, ["sign"]);
  return hexOf(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8Of(urlCanonical))));
}

/**
 * An address that nothing turns into a link: `hxxps://forum[.]example/t/1042`.
 *
 * A text that is no address comes back with its dots and colons broken too, so that no input makes a live one.
 */
export function defangUrl(text: string): string {
  const parts = /^http(s?):\/\/([^/?#]*)(.*)$/is.exec(text);
  if (parts === null) return text.replaceAll(":", "[:]").replaceAll(".", "[.]");
  const [, secure = "", host = "", rest = ""] = parts;
  const shown = `hxxp${secure.toLowerCase()}://${defangHost(host)}${rest.replaceAll("://", "[:]//")}`;
  // A host that is itself the beginning of an address: `http://https://…`.
  return shown.replace(/(https?):\/\//gi, "$1[:]//");
}

/** A bare host for lists: `forum[.]example`. */
export function defangHost(host: string): string {
  return host.replaceAll(".", "[.]");
}
