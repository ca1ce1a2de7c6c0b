/** A URL entry: an address or its digest, what it leads to and how far it reaches. */

import { z } from "zod";
import { type Digest as DigestText, digestOf, utf8Of } from "../bytes.ts";
import { Digest } from "../ids.ts";
import { jcs } from "../jcs.ts";
import { parseAddress, pathDepth, spellUrl } from "../match/urls/spelling.ts";
import { ExchangeError } from "../problem.ts";
import { closed, type ObjectOf, open, refuse } from "../schema.ts";
import { CategoryCode } from "../vocab/categories.ts";
import { RequestedAction } from "../vocab/entries.ts";
import { UrlRole, UrlScope, UrlStatus } from "../vocab/urls.ts";
import { type CoreShape, checkCore, coreMembers } from "./core.ts";

export const URL_MAX_CHARS = 2083;
/** Parts of a path that is listed with all below it: whoever matches looks that many paths up and no more. */
export const PATH_SCOPE_MAX_DEPTH = 32;

function urlEntrySchema(object: ObjectOf) {
  return object({
    ...coreMembers(object),
    category: CategoryCode,
    requested_action: RequestedAction,
    role: UrlRole,
    scope: UrlScope,
    status: UrlStatus,
    url: z.string().max(URL_MAX_CHARS).optional(),
    /** SHA-256 of the canonical URL, in place of it. */
    url_digest: Digest.optional(),
  }).superRefine(checkUrlEntry);
}

type UrlShape = CoreShape & {
  requested_action: RequestedAction;
  scope: UrlScope;
  url?: string | undefined;
  url_digest?: string | undefined;
};

function checkUrlEntry(entry: UrlShape, context: z.RefinementCtx): void {
  if ((entry.url === undefined) === (entry.url_digest === undefined))
    refuse(context, "url", "url or digest, one of them");
  if (entry.url !== undefined && !isCanonicalUrl(entry.url, entry.scope)) refuse(context, "url", "form", "url_invalid");
  const isOnContent = entry.requested_action === "block_remove_report" || entry.requested_action === "remove_report";
  if (entry.verification.level === "nominated" && isOnContent) refuse(context, "requested_action", "nominated");
  checkCore(entry, context);
}

/**
 * The one spelling of an address that an entry may have (see `match/urls/spelling.ts`): http or https, without
 * credentials and fragment; with scope `path` no query, with scope `host` no path either.
 *
 * @throws ExchangeError `url_invalid`
 */
export function canonicalUrl(text: string, scope: UrlScope): string {
  const address = parseAddress(text);
  if (address.username !== "" || address.password !== "")
    throw new ExchangeError("url_invalid", { reason: "credentials" });
  if (scope === "path" && pathDepth(address.pathname) > PATH_SCOPE_MAX_DEPTH)
    throw new ExchangeError("url_invalid", { reason: "depth" });
  const canonical = spellUrl(address, scope);
  if (canonical.length > URL_MAX_CHARS) throw new ExchangeError("url_invalid", { reason: "length" });
  return canonical;
}

export function isCanonicalUrl(text: string, scope: UrlScope): boolean {
  try {
    return canonicalUrl(text, scope) === text;
  } catch {
    return false; // canonicalUrl throws for nothing but a URL that cannot be used
  }
}

/** What `url_digest` holds for a canonical URL. */
export function urlDigest(canonical: string): Promise<DigestText> {
  return digestOf(utf8Of(canonical));
}

export const UrlEntry = urlEntrySchema(closed);
export type UrlEntry = z.output<typeof UrlEntry>;
export const TolerantUrlEntry = urlEntrySchema(open);

export function urlNaturalKey(entry: Pick<UrlEntry, "url" | "url_digest" | "scope">): string {
  return jcs([entry.url ?? entry.url_digest ?? "", entry.scope]);
}
