/** What is said of an urgent report that nobody has acknowledged: who else learns of it, and who does not unless somebody calls. */
import type { CasePage } from "@breakwater/shared/wire/hotline.ts";
import { formatSpan, formatTime } from "../parts/time.ts";

export type Forward = { to: string | null; delivers: boolean };

export function forwardWords(urgent: CasePage["urgent"][number], { to, delivers }: Forward, nowMs: number): string {
  if (urgent.forwarded_at)
    return `It was passed on to ${urgent.forwarded_to ?? "your contact"} at ${formatTime(urgent.forwarded_at)}.`;
  if (to === null) return "Your hotline has named nobody to pass it on to. Nobody else is told.";
  if (!delivers) return `Nobody else is told. Call ${to} yourself.`;
  if (urgent.forward_failed) return `It could not be passed on to ${to}. Call ${to} yourself.`;
  const left = urgent.forward_at ? Date.parse(urgent.forward_at) - nowMs : 0;
  return left > 0 ? `In ${formatSpan(left)} it is passed on to ${to}.` : `It is being passed on to ${to}.`;
}
