/** One urgent report that nobody has acknowledged, and whether anybody else will be told of it. */
import type { CasePage } from "@breakwater/shared/wire/hotline.ts";
import { useState } from "preact/hooks";
import { act } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Fault } from "../parts/fault.tsx";
import { formatSpan } from "../parts/time.ts";
import { type Forward, forwardWords } from "./forward-words.ts";

type UrgentBannerProps = { urgent: CasePage["urgent"][number]; forward: Forward; onDone: () => unknown };

export function UrgentBanner({ urgent, forward, onDone }: UrgentBannerProps) {
  const [error, setError] = useState<unknown>();
  if (urgent.acknowledged) return null;
  return (
    <div class="banner danger" role="alert" id="acknowledge">
      <p>
        <b>
          Case {urgent.case}: an urgent report has waited {formatSpan(Date.now() - Date.parse(urgent.waiting_since))}.
        </b>{" "}
        {forwardWords(urgent, forward, Date.now())}
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
