// Met by somebody who is shown, or by a parent, before any further question: help, without blame.
import type { JSX } from "preact";
import { answer, changeDraft, draft } from "../desk.ts";
import { helplineWords } from "../helplines.ts";
import { t } from "../i18n.ts";
import { Answer, Button } from "../parts/parts.tsx";
import { Screen } from "./screen.tsx";

export function SupportScreen(): JSX.Element {
  const country = draft.value?.answers.country;
  const goOn = (hash_only: boolean) => {
    answer({ hash_only, support_seen: true });
    changeDraft({ step: "form" });
  };
  return (
    <Screen
      title={t("support.title")}
      lead={t("support.lead")}
      footer={
        <Button look="plain" small back onClick={() => changeDraft({ step: "form" })}>
          {t("app.back")}
        </Button>
      }
    >
      <p>{t("support.who")}</p>
      <ul class="stack tight">
        <li>
          <b>{helplineWords(country)}</b>
        </li>
        <li>{t("support.take_it_down")}</li>
        {country === "GB" && <li>{t("support.report_remove")}</li>}
        <li>{t("support.stopncii")}</li>
      </ul>
      <div class="stack tight">
        <Answer
          digit={1}
          title={t("support.hash_only")}
          hint={t("support.hash_only_hint")}
          onClick={() => goOn(true)}
        />
        <Answer digit={2} title={t("support.go_on")} hint={t("support.go_on_hint")} onClick={() => goOn(false)} />
      </div>
    </Screen>
  );
}
