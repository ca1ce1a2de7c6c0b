/** Moments and spans as a person types them: `7d`, `24h`, `2026-11-22`, `2026-11-22T14:00Z`. */

import { ExchangeError } from "@breakwater/shared/problem.ts";

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @throws ExchangeError `usage_invalid` */
export function parseSince(text: string, now: Date): Date {
  const at = parseMoment(text, now, -1, "since");
  if (at > now) throw new ExchangeError("usage_invalid", { reason: "since_lies_ahead" });
  return at;
}

/** @throws ExchangeError `usage_invalid` */
export function parseUntil(text: string, now: Date): Date {
  const at = parseMoment(text, now, 1, "until");
  if (at <= now) throw new ExchangeError("usage_invalid", { reason: "until_is_over" });
  return at;
}

function parseMoment(text: string, now: Date, sign: 1 | -1, reason: string): Date {
  const span = /^([1-9]\d{0,4})([mhd])$/.exec(text);
  if (span !== null) return new Date(now.getTime() + sign * Number(span[1]) * (UNIT_MS[span[2] ?? ""] ?? 0));
  // A time without a zone would mean another moment on each machine.
  const isMoment = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const at = new Date(text);
  if (!isMoment || Number.isNaN(at.getTime()))
    throw new ExchangeError("usage_invalid", { reason: `not_a_time_${reason}` });
  return at;
}
