// What a draft still needs before it can be signed, each as the field to go to and the sentence to say.
import { findImageryInText } from "@breakwater/shared/imagery-gate.ts";
import { EXPLANATION_MAX_CHARS, HINT_MAX_CHARS } from "@breakwater/shared/sealed.ts";
import type { WordKey } from "../ui/i18n.ts";
import type { Draft } from "./draft.ts";

export type Fault = { field: string; word: WordKey; args?: Record<string, number> };

const FREE_TEXTS = [
  ["explanation", EXPLANATION_MAX_CHARS],
  ["account_service", 200],
  ["account_handle", 200],
  ["child_location_hint", HINT_MAX_CHARS],
] as const;

export function findFaults(draft: Draft): Fault[] {
  const { answers } = draft;
  const faults: Fault[] = [];
  if (draft.step === "urgent" && answers.called === undefined) faults.push({ field: "called", word: "fault.called" });
  if (draft.addresses.length === 0) faults.push({ field: "address", word: "fault.address" });
  if (answers.kind === undefined) faults.push({ field: "kind", word: "fault.kind" });
  if (answers.country === undefined) faults.push({ field: "country", word: "fault.country" });
  for (const [field, max] of FREE_TEXTS) {
    const text = answers[field];
    // The same gate as at the exchange, before anybody signs: a refusal afterwards would cost the report.
    if (findImageryInText(text)) faults.push({ field, word: "fault.imagery" });
    else if (text.length > max) faults.push({ field, word: "fault.too_long", args: { max, over: text.length - max } });
  }
  if ((answers.account_service.trim() === "") !== (answers.account_handle.trim() === "")) {
    faults.push({ field: "account_handle", word: "fault.account" });
  }
  if (!answers.good_faith) faults.push({ field: "good_faith", word: "fault.good_faith" });
  return faults;
}
