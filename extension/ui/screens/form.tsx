// The report's form: what could be read, the two required choices, and what else a person may add.
import { EXPLANATION_MAX_CHARS, HINT_MAX_CHARS } from "@breakwater/shared/sealed.ts";
import {
  AGES,
  type Age,
  PRODUCTIONS,
  type Production,
  REPORT_BASES,
  type ReportBasis,
} from "@breakwater/shared/vocab/index.ts";
import type { JSX } from "preact";
import type { Draft } from "../../report/draft.ts";
import { answer, changeDraft, draft } from "../desk.ts";
import { helplineWords } from "../helplines.ts";
import { labelOf, t } from "../i18n.ts";
import { Choices, CountryField, FaultSummary, faultFor, TextField, Tick } from "../parts/fields.tsx";
import { Address, Banner, Button } from "../parts/parts.tsx";
import { attempt, check, faults, goToStep } from "../report-actions.ts";
import { Found } from "./found.tsx";
import { KindField } from "./kind-field.tsx";
import { Screen } from "./screen.tsx";

const optionsOf = <Code extends string>(group: string, table: Record<Code, unknown>) =>
  (Object.keys(table) as Code[]).map((value) => ({ value, label: labelOf(group, value) }));

function Addresses({ held }: { held: Draft }): JSX.Element {
  const removable = held.addresses.length > 1;
  const leaveOut = (url: string) => changeDraft({ addresses: held.addresses.filter((address) => address.url !== url) });
  return (
    <div class="stack tight" id="address" tabIndex={-1}>
      {held.addresses.map(({ url, role, redacted }) => (
        <div key={url}>
          <p class="small quiet-text">{t("form.address_role", { role: labelOf("role", role).toLowerCase() })}</p>
          <p>
            <Address url={url} />{" "}
            {removable && (
              <Button look="plain" small onClick={() => leaveOut(url)}>
                {t("form.address_remove")}
              </Button>
            )}
          </p>
          {redacted && <p class="small quiet-text">{t("form.address_redacted")}</p>}
        </div>
      ))}
      {held.addresses.length === 0 ? (
        <p class="small">{t("fault.address")}</p>
      ) : (
        <p class="small quiet-text">{t("form.address_note")}</p>
      )}
    </div>
  );
}

/** Named at once where the answer is given; arrow keys pass over answers, so nothing jumps away by itself. */
function HelpFirst({ held }: { held: Draft }): JSX.Element | null {
  if (held.answers.basis !== "victim_or_parent_report") return null;
  return (
    <Banner tone="info" first={t("support.title")}>
      <p>{helplineWords(held.answers.country)}</p>
      <p>
        <Button small onClick={() => changeDraft({ step: "support" })}>
          {t("support.see")}
        </Button>
      </p>
      <Tick
        id="hash_only"
        label={t("form.hash_only")}
        checked={held.answers.hash_only}
        onChange={(hash_only) => answer({ hash_only })}
      />
    </Banner>
  );
}

function More({ held }: { held: Draft }): JSX.Element {
  const { answers } = held;
  const text = (field: "account_service" | "account_handle" | "child_location_hint") => ({
    id: field,
    value: answers[field],
    onInput: (value: string) => answer({ [field]: value }),
    fault: faultFor(faults.value, field),
    optional: true,
  });
  return (
    <details class="more">
      <summary>
        {t("form.more")} <span class="quiet-text">{t("app.optional")}</span>
      </summary>
      <div class="stack">
        <Choices
          id="age"
          columns
          optional
          label={t("form.age")}
          options={optionsOf<Age>("age", AGES)}
          value={answers.age}
          onChoose={(age) => answer({ age })}
          onClear={() => answer({ age: undefined })}
        />
        <Choices
          id="production"
          columns
          optional
          label={t("form.production")}
          options={optionsOf<Production>("production", PRODUCTIONS)}
          value={answers.production}
          onChoose={(production) => answer({ production })}
          onClear={() => answer({ production: undefined })}
        />
        <h2>{t("form.account")}</h2>
        <TextField {...text("account_service")} label={t("form.account_service")} />
        <TextField {...text("account_handle")} label={t("form.account_handle")} />
        <TextField
          {...text("child_location_hint")}
          label={t("form.child")}
          hint={t("form.child_hint")}
          max={HINT_MAX_CHARS}
          rows={2}
        />
      </div>
    </details>
  );
}

export function FormScreen(): JSX.Element | null {
  const held = draft.value;
  if (!held) return null;
  const { answers } = held;
  return (
    <Screen
      title={t("form.title")}
      footer={
        <>
          <Button look="primary" wide primaryKey onClick={() => void check()}>
            {t("form.check")}
          </Button>
          <div class="line-up apart">
            <p>{t("form.kept")}</p>
            <Button look="plain" small back onClick={() => goToStep("danger")}>
              {t("app.back")}
            </Button>
          </div>
        </>
      }
    >
      <FaultSummary what={t("form.not_yet")} faults={faults.value} round={attempt.value} />
      <Found held={held} />
      <Addresses held={held} />
      <KindField />
      <Choices
        id="basis"
        optional
        label={t("form.basis")}
        options={optionsOf<ReportBasis>("basis", REPORT_BASES)}
        value={answers.basis}
        onChoose={(basis) => answer({ basis })}
        onClear={() => answer({ basis: undefined })}
      />
      <HelpFirst held={held} />
      <TextField
        id="explanation"
        optional
        label={t("form.why")}
        hint={t("form.why_hint")}
        value={answers.explanation}
        onInput={(explanation) => answer({ explanation })}
        max={EXPLANATION_MAX_CHARS}
        rows={4}
        spellcheck
        fault={faultFor(faults.value, "explanation")}
      />
      <More held={held} />
      <CountryField
        id="country"
        label={t("form.country")}
        value={answers.country}
        onChoose={(country) => answer({ country: country as never })}
        fault={faultFor(faults.value, "country")}
      />
      <Tick
        id="good_faith"
        label={t("form.good_faith")}
        checked={answers.good_faith}
        onChange={(good_faith) => answer({ good_faith })}
        fault={faultFor(faults.value, "good_faith")}
      />
    </Screen>
  );
}
