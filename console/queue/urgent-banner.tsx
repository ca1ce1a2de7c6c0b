/** One urgent report that nobody has acknowledged, and how long until it is passed on. */
import type { CasePage } from "@breakwater/shared/wire/hotline.ts";
import { useState } from "preact/hooks";
import { act } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Fault } from "../parts/fault.tsx";
import { formatSpan, formatTime } from "../parts/time.ts";

type UrgentBannerProps = { urgent: CasePage["urgent"][number]; forwardTo: string | null; onDone: () => unknown };

/** What happens, or has happened, when nobody acknowledges. */
function forwardWords(urgent: CasePage["urgent"][number], forwardTo: string | null): string {
  if (urgent.forwarded_at)
    return `It was passed on to ${forwardTo ?? "your contact"} at ${formatTime(urgent.forwarded_at)}.`;
  if (!urgent.forward_at || !forwardTo) return "Your hotline has named nobody to pass it on to.";
  const left = Date.parse(urgent.forward_at) - Date.now();
  return left > 0
    ? `In ${formatSpan(left)} it is passed on to ${forwardTo}.`
    : `It is being passed on to ${forwardTo}.`;
}

export function UrgentBanner({ urgent, forwardTo, onDone }: UrgentBannerProps) {
  const [error, setError] = useState<unknown>();
  if (urgent.acknowledged) return null;
  return (
    <div class="banner danger" role="alert" id="acknowledge">
      <p>
        <b>
          Case {urgent.case}: an urgent report has waited {formatSpan(Date.now() - Date.parse(urgent.waiting_since))}.
        </b>{" "}
        {forwardWords(urgent, forwardTo)}
      </p>
      <p class="line-up">
        <Button
          look="danger"
          small
          keys="A"
          onPress={async () => {
            try {
              await act("POST", `/v1/hotline/cases/${urgent.case}/acknowledge`, {});
              await onDone();
            } catch (refusal) {
              setError(refusal);
            }
          }}
        >
          Acknowledge
        </Button>
        <span class="quiet-text">Acknowledging shows no material. It makes the hand-over yours.</span>
      </p>
      {error ? <Fault error={error} /> : null}
    </div>
  );
}
