/** A count or version as a person types it. */

import { ExchangeError } from "@breakwater/shared/problem.ts";

/** @throws ExchangeError `usage_invalid` */
export function parseNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new ExchangeError("usage_invalid", { reason: "number" });
  return Number(text);
}

/** A whole number within bounds. @throws ExchangeError `usage_invalid` with its name */
export function parseWhole(text: string, { name, min, max }: { name: string; min: number; max: number }): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) throw new ExchangeError("usage_invalid", { reason: name });
  return number;
}
