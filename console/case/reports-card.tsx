/** The reports that make up a case, in the flaggers' own words, and the steps taken so far. */
import { showWords } from "@breakwater/shared/shown-text.ts";
import { labelOf, REPORT_KINDS, URGENCIES } from "@breakwater/shared/vocab/index.ts";
import type { Case } from "@breakwater/shared/wire/hotline.ts";
import { formatTime } from "../parts/time.ts";
import type { OpenedReport } from "./decrypt.ts";

export function JoinedReports({ opened }: { opened: OpenedReport[] }) {
  return (
    <section class="card">
      <h2>Reports joined</h2>
      <dl class="facts">
        {opened.map(({ report, plain }) => (
          <>
            <dt class="num">{formatTime(report.received_at)}</dt>
            <dd>
              <p>
                {report.member}. {labelOf(REPORT_KINDS, report.kind)}. Urgency:{" "}
                {labelOf(URGENCIES, report.urgency).toLowerCase()}.
                {report.marks.length > 0 ? ` Marked: ${report.marks.join(", ").replaceAll("_", " ")}.` : ""}
              </p>
              {plain?.explanation ? <p>“{showWords(plain.explanation)}”</p> : null}
              {plain?.offender_hint ? <p>Account shown with the material: “{showWords(plain.offender_hint)}”</p> : null}
              {plain?.child_location_hint ? (
                <p>Where the child may be: “{showWords(plain.child_location_hint)}”</p>
              ) : null}
              {plain?.accounts?.map((account) => (
                <p key={`${account.service}:${account.handle}`}>
                  Account shown with the material: {showWords(account.service)}, {showWords(account.handle)}
                </p>
              ))}
              {plain ? null : <p class="quiet-text">The text is not readable in this browser yet.</p>}
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}

export function Steps({ steps }: { steps: Case["steps"] }) {
  return (
    <section class="card">
      <h2>Steps so far</h2>
      <ol class="steps">
        {steps.map((step) => (
          <li key={`${step.at}:${step.code}`}>
            <span class="num quiet-text">{formatTime(step.at)}</span> {step.code.replaceAll("_", " ")}
            {step.by ? `, ${step.by}` : ""}
          </li>
        ))}
      </ol>
    </section>
  );
}
