// The last look: in words, and as the very members that are signed. Nothing is sent that is not shown here.
import { showText } from "@breakwater/shared/shown-text.ts";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { containsOf } from "../../report/send.ts";
import { containsWords } from "../contains.ts";
import { changeDraft, draft, enrolment } from "../desk.ts";
import { labelOf, t } from "../i18n.ts";
import { Banner, Button, Exact, Fact, Facts } from "../parts/parts.tsx";
import { busy, composed, recompose, signAndSend } from "../report-actions.ts";
import { Screen } from "./screen.tsx";

export function ReviewScreen(): JSX.Element | null {
  useEffect(() => {
    void recompose();
  }, []);
  const [held, ready] = [draft.value, composed.value];
  const hotline = enrolment.value?.hotline ?? "";
  if (!held) return null;
  const back = () => {
    composed.value = undefined;
    changeDraft({ step: "form" });
  };
  return (
    <Screen
      title={t("review.title")}
      footer={
        <>
          <p role="status">{ready ? t("review.missing_none") : t("app.loading")}</p>
          <Button
            look="primary"
            wide
            primaryKey
            busy={busy.value !== undefined}
            disabled={!ready}
            onClick={() => void signAndSend()}
          >
            {busy.value ? t("review.sending") : t("review.send")}
          </Button>
          <Button look="plain" small back onClick={back}>
            {t("app.back")}
          </Button>
        </>
      }
    >
      <Banner tone="info">{t("review.promise")}</Banner>
      {ready && (
        <>
          <Facts>
            <Fact name={t("review.contains")}>{containsWords(containsOf(ready))}</Fact>
            <Fact name={t("review.goes_to")}>
              {hotline}
              <br />
              <small class="quiet-text">{t("review.sealed")}</small>
            </Fact>
            <Fact name={t("review.kind")}>{labelOf("kind", ready.report.report_kind)}</Fact>
            <Fact name={t("review.why")}>
              {showText(ready.sealedContent.explanation ?? "") || t("review.why_none")}
            </Fact>
            <Fact name={t("review.good_faith")}>{t("review.good_faith_yes")}</Fact>
          </Facts>
          <details class="more">
            <summary>{t("review.all")}</summary>
            <div class="stack">
              <div class="stack tight">
                <h2>{t("review.clear_part")}</h2>
                <Members label={t("review.clear_part")} value={ready.report} />
              </div>
              <div class="stack tight">
                <h2>{t("review.sealed_part", { hotline })}</h2>
                <p class="small quiet-text">
                  {t("review.sealed_note", { hotline, count: ready.report.sealed.recipients.length })}
                </p>
                <Members label={t("review.sealed_part", { hotline })} value={ready.sealedContent} />
              </div>
            </div>
          </details>
        </>
      )}
    </Screen>
  );
}

/** The one place where an address stands unbroken, because it is what is sent. */
function Members({ label, value }: { label: string; value: unknown }): JSX.Element {
  return <Exact label={label} text={showText(JSON.stringify(value, null, 2)).replaceAll("\\u000a", "\n")} />;
}
