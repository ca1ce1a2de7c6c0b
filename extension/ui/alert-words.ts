// What becomes of an urgent report, said where it is begun, written and sent: passing on is promised only where it happens.
import { t, type WordKey } from "./i18n.ts";

const WORDS = {
  danger: { yes: "danger.not_watched_forward", no: "danger.not_watched" },
  urgent: { yes: "urgent.passed_on", no: "urgent.alert_only" },
  next: { yes: "next.urgent_alerted_forward", no: "next.urgent_alerted" },
} as const satisfies Record<string, Record<"yes" | "no", WordKey>>;

export function alertWords(
  place: keyof typeof WORDS,
  { passedOn, hotline }: { passedOn: boolean; hotline: string },
): string {
  return t(WORDS[place][passedOn ? "yes" : "no"], { hotline });
}
