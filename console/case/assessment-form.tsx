/** The assessor's own answers: the most severe act, the youngest child, how it was made. Nothing is chosen beforehand. */

import type { Word } from "@breakwater/shared/vocab/index.ts";
import { ACTS, AGES, PRODUCTIONS, REPORT_FLAGS } from "@breakwater/shared/vocab/index.ts";
import { Choices, optionsOf } from "../parts/choices.tsx";
import type { Draft } from "./draft.ts";

export const NOTE_MAX_CHARACTERS = 2_000;

/** `not_illegal` is not here: nothing to list is said with Reject, which asks for its reason. */
const VERDICT_WORDS: Record<"illegal" | "harmful", Word> = {
  illegal: { label: "Illegal: to be listed" },
  harmful: { label: "Harmful, not illegal here" },
};

type AssessmentFormProps = { draft: Draft; change: (part: Partial<Draft>) => void; tried: boolean };

export function AssessmentForm({ draft, change, tried }: AssessmentFormProps) {
  const fault = (answer: string | undefined, text: string) => (tried && !answer ? text : undefined);
  return (
    <section class="card">
      <h2>Your assessment</h2>
      <Choices
        legend="Verdict"
        name="verdict"
        options={optionsOf(VERDICT_WORDS)}
        value={draft.verdict}
        fault={fault(draft.verdict, "Choose the verdict.")}
        onChoose={(value) => change({ verdict: value })}
      />
      <Choices
        legend="Act"
        name="act"
        hint="Most severe."
        options={optionsOf(ACTS)}
        value={draft.act}
        fault={fault(draft.act, "Choose the act.")}
        onChoose={(value) => change({ act: value })}
      />
      <Choices
        legend="Age, youngest child"
        name="age"
        row
        options={optionsOf(AGES)}
        value={draft.age}
        fault={fault(draft.age, "Choose the age of the youngest child.")}
        onChoose={(value) => change({ age: value })}
      />
      <Choices
        legend="Production"
        name="production"
        row
        options={optionsOf(PRODUCTIONS)}
        value={draft.production}
        fault={fault(draft.production, "Choose how it was made.")}
        onChoose={(value) => change({ production: value })}
      />
      <fieldset>
        <legend>Flags (optional)</legend>
        {Object.entries(REPORT_FLAGS).map(([code, { label }]) => (
          <label class="tick" key={code}>
            <input
              type="checkbox"
              checked={draft.flags.includes(code)}
              onChange={(event) =>
                change({
                  flags: event.currentTarget.checked
                    ? [...draft.flags, code]
                    : draft.flags.filter((flag) => flag !== code),
                })
              }
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      <div class="field">
        <label for="note">Note for the case (optional)</label>
        <p class="hint" id="note-hint">
          Short and without graphic detail, so that later readers are spared. Only your hotline can read it.
        </p>
        <textarea
          class="input"
          id="note"
          aria-describedby="note-hint"
          maxLength={NOTE_MAX_CHARACTERS}
          value={draft.note}
          onInput={(event) => change({ note: event.currentTarget.value })}
        />
        <p class="hint num">
          {draft.note.length} of {NOTE_MAX_CHARACTERS.toLocaleString("en")}
        </p>
      </div>
    </section>
  );
}
