/** Words of a URL entry: what it leads to, how far it reaches, whether it still answers. */

import { z } from "zod";
import { codesOf, type Word } from "./vocabulary.ts";

export const URL_ROLES = {
  direct: { label: "Direct" },
  gateway: { label: "Gateway" },
  archive: { label: "Archive" },
  invite: { label: "Invite" },
  payment: { label: "Payment" },
} as const satisfies Record<string, Word>;
export const UrlRole = z.enum(codesOf(URL_ROLES));
export type UrlRole = z.infer<typeof UrlRole>;

export const URL_SCOPES = {
  exact: { label: "Exactly this address" },
  path: { label: "This path and below" },
  host: { label: "The whole host" },
} as const satisfies Record<string, Word>;
export const UrlScope = z.enum(codesOf(URL_SCOPES));
export type UrlScope = z.infer<typeof UrlScope>;

export const URL_STATUSES = {
  active: { label: "Answers" },
  moved: { label: "Moved" },
  removed: { label: "Removed" },
  unknown: { label: "Not known" },
} as const satisfies Record<string, Word>;
export const UrlStatus = z.enum(codesOf(URL_STATUSES));
export type UrlStatus = z.infer<typeof UrlStatus>;
