// Opens every report: is a child in danger now? The number to call stands above everything that can be filled in.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { defangedDomain } from "../address.ts";
import { alertWords } from "../alert-words.ts";
import { countryName, emergencyIn } from "../countries.ts";
import { answer, changeSetting, draft, enrolment, passedOn, settings } from "../desk.ts";
import { t } from "../i18n.ts";
import { CountryField } from "../parts/fields.tsx";
import { Answer, Button, Fact, Facts } from "../parts/parts.tsx";
import { goToStep } from "../report-actions.ts";
import { Screen } from "./screen.tsx";

/** Readable everywhere a report can be begun, and while the panel is locked. */
export function CallFirst({ urgent }: { urgent?: boolean }): JSX.Element {
  const [choosing, setChoosing] = useState(false);
  const country = settings.value.country;
  const { call, also, known } = emergencyIn(country);
  const number = (key: "danger.call" | "urgent.call") => t(key, { number: call });
  const words = !known
    ? t("danger.no_country")
    : also.length > 0
      ? t("danger.number_of_also", { country: countryName(country as string), also: also.join(", ") })
      : t("danger.number_of", { country: countryName(country as string) });
  return (
    <section class="banner danger" aria-label={number("danger.call")}>
      <p class="figure">{urgent ? number("urgent.call") : number("danger.call")}</p>
      <p>{words}</p>
      {choosing ? (
        <CountryField
          id="danger-country"
          label={t("danger.country")}
          value={country}
          onChoose={(code) => {
            void changeSetting({ country: code });
            answer({ country: code as never });
            setChoosing(false);
          }}
        />
      ) : (
        <p>
          <Button small onClick={() => setChoosing(true)}>
            {t(country === undefined ? "danger.choose_country" : "danger.change_country")}
          </Button>
        </p>
      )}
    </section>
  );
}

export function DangerScreen(): JSX.Element {
  const held = draft.value;
  const domain = held?.addresses[0]?.domain;
  const choose = (danger: "yes" | "no") => {
    answer({ danger });
    goToStep(danger === "yes" ? "urgent" : "form");
  };
  return (
    <Screen
      title={t("danger.title")}
      lead={t("danger.lead")}
      footer={
        <Facts>
          <Fact name={t("danger.picked")}>
            {t(`picked.${held?.kind ?? "page"}`)}{" "}
            {domain ? (
              <span class="url">
                <b>{defangedDomain(domain)}</b>
              </span>
            ) : (
              t("picked.nowhere")
            )}
          </Fact>
          <Fact name={t("danger.kept")}>{t("danger.nothing_sent")}</Fact>
        </Facts>
      }
    >
      <CallFirst />
      <div class="stack tight">
        <Answer digit={1} title={t("danger.yes")} hint={t("danger.yes_hint")} onClick={() => choose("yes")} />
        <Answer digit={2} title={t("danger.no")} hint={t("danger.no_hint")} onClick={() => choose("no")} />
      </div>
      <p class="small quiet-text">
        {alertWords("danger", { passedOn: passedOn.value, hotline: enrolment.value?.hotline ?? "" })}
      </p>
    </Screen>
  );
}
