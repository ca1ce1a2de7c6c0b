/** The keys under which an address is looked up in a set of addresses: itself, the paths above it, its host and the hosts above that. */

import { sha256 } from "@noble/hashes/sha2.js";
import { getDomain } from "tldts";
import { hexOf, utf8Of } from "../../bytes.ts";
import { PATH_SCOPE_MAX_DEPTH, URL_MAX_CHARS } from "../../entries/url.ts";
import { ExchangeError, type ProblemCode } from "../../problem.ts";
import type { UrlScope } from "../../vocab/urls.ts";
import { parseAddress, spellUrl } from "./spelling.ts";

export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export type UrlCandidate = {
  scope: UrlScope;
  /** SHA-256, 32 bytes: see {@link urlKeyOf} */
  key: Uint8Array;
  canonical: string;
  /** `other`: listed as http and met as https, or the other way round; one place, two spellings. */
  scheme: "same" | "other";
};

/** What of an address plays no part in the look-up; said, so that nobody takes the candidates for the whole address. */
export type Ignored = "credentials" | "exact_too_long";

export type UrlKeys = { candidates: UrlCandidate[]; ignored: Ignored[] };
export type UrlProblem = { code: ProblemCode; reason: string };

const DEFAULT_PORT = "";

/**
 * The key of an entry: SHA-256 of its scope, a line feed and the digest of its canonical address, so that an address in
 * clear and one that is only known by its digest are found alike, and a host is never found as a page.
 *
 * @param digest - `sha256:` and 64 hex digits, as `url_digest` has it
 */
function keyOf(scope: UrlScope, digest: string, hash: Sha256): Uint8Array {
  return hash(utf8Of(`${scope}\n${digest}`));
}

const digestText = (canonical: string, hash: Sha256) => `sha256:${hexOf(hash(utf8Of(canonical)))}`;

/** The key of an entry in an index of addresses. @throws ExchangeError `entry_invalid` for one without an address */
export function urlKeyOf(
  entry: { scope: UrlScope; url?: string | undefined; url_digest?: string | undefined },
  hash: Sha256 = sha256,
): Uint8Array {
  const digest = entry.url_digest ?? (entry.url === undefined ? undefined : digestText(entry.url, hash));
  if (digest === undefined) throw new ExchangeError("entry_invalid", { path: "/url" });
  return keyOf(entry.scope, digest, hash);
}

/**
 * Every key under which an address could be listed, narrowest first. Whoever has a faster SHA-256 than plain JavaScript
 * hands it over.
 *
 * @throws ExchangeError `url_invalid` with a reason; never with the address
 */
export function urlKeys(text: string, hash: Sha256 = sha256): UrlKeys {
  const address = parseAddress(text);
  const ignored: Ignored[] = [];
  // A name before the host changes nothing about the place; leaving it in would make every listed address easy to dodge.
  if (address.username !== "" || address.password !== "") ignored.push("credentials");
  address.username = "";
  address.password = "";
  const found = new Map<string, UrlCandidate>();
  const add = (scope: UrlScope, canonical: string, scheme: UrlCandidate["scheme"]) => {
    const id = `${scope}\n${canonical}`;
    if (canonical.length > URL_MAX_CHARS || found.has(id)) return;
    found.set(id, { scope, canonical, scheme, key: keyOf(scope, digestText(canonical, hash), hash) });
  };
  const spellings = schemesOf(address);
  for (const { url, scheme } of spellings) add("exact", spellUrl(url, "exact"), scheme);
  if (found.size === 0) ignored.push("exact_too_long");
  for (const { url, scheme } of spellings) {
    for (const path of pathsAbove(url)) add("path", path, scheme);
  }
  for (const host of hostsAbove(address.hostname)) {
    for (const { url, scheme } of [...spellings, ...withoutPort(address)]) {
      const above = new URL(url.href);
      above.hostname = host;
      add("host", spellUrl(above, "host"), scheme);
    }
  }
  return { candidates: [...found.values()], ignored };
}

/** As {@link urlKeys} for many: one that cannot be read never costs the others their answer. */
export function urlKeysOfEach(texts: readonly string[], hash: Sha256 = sha256): (UrlKeys | { problem: UrlProblem })[] {
  return texts.map((text) => {
    try {
      return urlKeys(text, hash);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      return { problem: { code: error.code, reason: String(error.detail.reason ?? "form") } };
    }
  });
}

type Spelling = { url: URL; scheme: UrlCandidate["scheme"] };

/** With a port of its own an address has one scheme; without, http and https lead to one place. */
function schemesOf(address: URL): Spelling[] {
  const same: Spelling = { url: address, scheme: "same" };
  if (address.port !== DEFAULT_PORT) return [same];
  const other = new URL(address.href);
  other.protocol = address.protocol === "https:" ? "http:" : "https:";
  return [same, { url: other, scheme: "other" }];
}

/** A listed host is meant with all its ports. */
function withoutPort(address: URL): Spelling[] {
  if (address.port === DEFAULT_PORT) return [];
  const plain = new URL(address.href);
  plain.port = DEFAULT_PORT;
  return schemesOf(plain);
}

/** The address's path and every path above it, longest first, each with and without its closing slash. */
function pathsAbove(address: URL): string[] {
  const path = spellUrl(address, "path").slice(address.origin.length);
  const paths = ["/"];
  let depth = 0;
  // Nothing deeper can be listed: a path of ten thousand parts costs no more than the longest that can be.
  for (let from = 1; from < path.length && depth < PATH_SCOPE_MAX_DEPTH; depth++) {
    const end = path.indexOf("/", from);
    paths.push(end < 0 ? path : path.slice(0, end));
    if (end < 0) break;
    paths.push(path.slice(0, end + 1));
    from = end + 1;
  }
  return paths.reverse().map((above) => address.origin + above);
}

/**
 * The host and the hosts above it, down to the registrable domain. Domains under which strangers get names of their own
 * (`pages.example`, where the public suffix list has them) are not above their customers.
 */
function hostsAbove(hostname: string): string[] {
  const domain = getDomain(hostname, { allowPrivateDomains: true });
  if (domain === null || hostname === domain) return [hostname];
  const names: string[] = [];
  for (let name = hostname; name.length >= domain.length; name = name.slice(name.indexOf(".") + 1)) {
    names.push(name);
    if (name === domain) break;
  }
  return names;
}
