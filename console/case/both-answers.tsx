/** What was decided: only the reader's own answer until both are saved, then each beside the other. */
import { ACTS, AGES, labelOf, PRODUCTIONS, REJECTION_REASONS } from "@breakwater/shared/vocab/index.ts";
import type { Case } from "@breakwater/shared/wire/hotline.ts";
import { formatTime } from "../parts/time.ts";
import { algName, Hash } from "../parts/words.tsx";

function Answer({ answer }: { answer: Case["assessments"][number] }) {
  const { assessment } = answer;
  return (
    <dl class="facts">
      <dt>By</dt>
      <dd>
        {answer.yours ? "you" : answer.name}, {formatTime(answer.saved_at)}
      </dd>
      {answer.reason ? (
        <>
          <dt>Rejected</dt>
          <dd>{labelOf(REJECTION_REASONS, answer.reason)}</dd>
        </>
      ) : null}
      {assessment ? (
        <>
          <dt>Act</dt>
          <dd>{labelOf(ACTS, assessment.act)}</dd>
          <dt>Age</dt>
          <dd>{labelOf(AGES, assessment.age)}</dd>
          <dt>Production</dt>
          <dd>{labelOf(PRODUCTIONS, assessment.production)}</dd>
          <dt>Hashes</dt>
          <dd>
            {assessment.hashes.map((hash) => (
              <p key={`${hash.item_id}:${hash.alg}`}>
                {algName(hash.alg)} <Hash alg={hash.alg} value={hash.value} />
              </p>
            ))}
          </dd>
        </>
      ) : null}
    </dl>
  );
}

export function BothAnswers({ view }: { view: Case }) {
  const only = view.assessments.length === 1 && view.assessments[0]?.yours;
  return (
    <section class="card">
      <h2>{only ? "Your answer" : "Answers"}</h2>
      {view.assessments.map((answer) => (
        <Answer key={answer.person} answer={answer} />
      ))}
      {view.published ? (
        <p class="small">
          Published in release {view.published.release} of <span class="id">{view.published.set}</span>.
        </p>
      ) : null}
    </section>
  );
}
