// The short form: address, what it is, country, good faith. Everything else can follow once it is sent.
import type { JSX } from "preact";
import { alertWords } from "../alert-words.ts";
import { answer, draft, enrolment, passedOn } from "../desk.ts";
import { t } from "../i18n.ts";
import { Choices, CountryField, FaultSummary, faultFor, Tick } from "../parts/fields.tsx";
import { Address, Button } from "../parts/parts.tsx";
import { attempt, busy, faults, goToStep, sendUrgent } from "../report-actions.ts";
import { CallFirst } from "./danger.tsx";
import { KindField } from "./kind-field.tsx";
import { Screen } from "./screen.tsx";

export function UrgentScreen(): JSX.Element | null {
  const held = draft.value;
  if (!held) return null;
  const { answers } = held;
  return (
    <Screen
      title={t("urgent.title")}
      footer={
        <>
          <p>{alertWords("urgent", { passedOn: passedOn.value, hotline: enrolment.value?.hotline ?? "" })}</p>
          <Button look="primary" wide primaryKey busy={busy.value !== undefined} onClick={() => void sendUrgent()}>
            {busy.value ? t("urgent.sending") : t("urgent.send")}
          </Button>
          <Button look="plain" small back onClick={() => goToStep("danger")}>
            {t("app.back")}
          </Button>
        </>
      }
    >
      <CallFirst urgent />
      <FaultSummary what={t("form.not_yet")} faults={faults.value} round={attempt.value} />
      <Choices
        id="called"
        label={t("urgent.called")}
        options={[
          { value: "yes", label: t("urgent.called_yes") },
          { value: "not_possible", label: t("urgent.called_no") },
        ]}
        value={answers.called}
        onChoose={(called) => answer({ called })}
        fault={faultFor(faults.value, "called")}
      />
      <div class="stack tight" id="address" tabIndex={-1}>
        <h2>{t("urgent.address")}</h2>
        {held.addresses.map(({ url }) => (
          <p key={url}>
            <Address url={url} />
          </p>
        ))}
        {held.addresses.length === 0 && <p class="small">{t("fault.address")}</p>}
      </div>
      <KindField />
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
      <p class="small quiet-text">{t("urgent.more_later")}</p>
    </Screen>
  );
}
