// What an answer of the exchange means for a waiting report. Status first; a body is believed only where it is signed.
import type { Outcome } from "./machine.ts";

export type Answer = { status: number; retryAfterMs?: number; code?: string; fields?: string[] };

const TRY_LATER = new Set([408, 425, 429]);
/** The report itself is at fault; sending the same bytes again cannot help. */
const REFUSED = new Set([400, 409, 410, 411, 413, 415, 422]);
/** Refusals that are about this device, whatever their status. */
const DEVICE_CODES = new Set(["device_revoked", "device_unknown", "device_waiting", "device_format"]);

export function outcomeOf({ status, retryAfterMs, code, fields }: Answer): Outcome {
  const problem = code ?? `http_${status}`;
  // A hotel network or a filter answers in the exchange's place, with any status. Only a refusal in the exchange's own
  // form ends a try for good; anything else would swallow a report that the exchange never saw.
  if (code === undefined) return { kind: "retry", problem, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  if (status === 401 || status === 403 || DEVICE_CODES.has(code)) return { kind: "blocked", problem };
  if (TRY_LATER.has(status) || status >= 500) {
    return { kind: "retry", problem, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  if (REFUSED.has(status)) return { kind: "refused", problem, ...(fields ? { fields } : {}) };
  return { kind: "retry", problem };
}
