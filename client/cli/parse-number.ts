/** A count or version as a person types it. */

import { ExchangeError } from "@breakwater/shared/problem.ts";

/** @throws ExchangeError `usage_invalid` */
export function parseNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new ExchangeError("usage_invalid", { reason: "number" });
  return Number(text);
}
