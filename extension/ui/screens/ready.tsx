// Nothing in hand: how to begin, what waits, and the way to outbox, history and options.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { browser } from "wxt/browser";
import { isUnsent, needsPerson } from "../../outbox/machine.ts";
import { BREAK_AFTER_ITEMS } from "../../settings/exposure.ts";
import { defangedDomain } from "../address.ts";
import { drafts, dropDraft, enrolment, opened, outbox, page } from "../desk.ts";
import { t } from "../i18n.ts";
import { Banner, Button, Fact, Facts } from "../parts/parts.tsx";
import { goOn } from "../report-actions.ts";
import { formatClock } from "../time.ts";
import { ClockBanner } from "./enrol.tsx";
import { Screen } from "./screen.tsx";

export function ReadyScreen(): JSX.Element {
  const shortcut = useSignal("");
  useEffect(() => {
    void browser.commands?.getAll().then((all) => {
      shortcut.value = all.find(({ name }) => name === "flag-page")?.shortcut ?? "";
    });
  }, []);
  const unsent = outbox.value.filter(isUnsent).length;
  const attention = outbox.value.filter(needsPerson).length;
  return (
    <Screen
      title={t("ready.title")}
      lead={
        <p>
          {t("ready.how")} {shortcut.value && t("ready.shortcut", { keys: shortcut.value })}
        </p>
      }
      footer={
        <Facts>
          <Fact name={t("ready.access")}>{t("ready.access_click")}</Fact>
          <Fact name={t("ready.hotline")}>{enrolment.value?.hotline}</Fact>
          <Fact name={t("ready.opened")}>{t("ready.opened_count", { count: opened.value })}</Fact>
        </Facts>
      }
    >
      <ClockBanner />
      {opened.value >= BREAK_AFTER_ITEMS && <Banner first={t("ready.break_due")}>{t("ready.break_why")}</Banner>}
      <Unfinished />
      <div class="card">
        <Facts>
          <Fact name={t("ready.waiting")}>
            {unsent > 0 ? t("ready.waiting_count", { count: unsent }) : t("ready.waiting_none")}
            {attention > 0 && ` · ${t("ready.attention", { count: attention })}`}
          </Fact>
        </Facts>
        <div class="line-up">
          <Button onClick={() => (page.value = "outbox")}>{t("ready.outbox")}</Button>
          <Button onClick={() => (page.value = "history")}>{t("ready.history")}</Button>
          <Button onClick={() => (page.value = "options")}>{t("ready.options")}</Button>
        </div>
      </div>
    </Screen>
  );
}

function Unfinished(): JSX.Element | null {
  const open = drafts.value.filter(({ sent }) => !sent);
  if (open.length === 0) return null;
  return (
    <section class="card" aria-labelledby="unfinished">
      <h2 id="unfinished">{t("ready.drafts")}</h2>
      <ul class="stack tight">
        {open.map((held) => (
          <li key={held.id} class="line-up apart">
            <span class="small">
              {t(`picked.${held.kind}`)}{" "}
              <span class="url">
                <b>{defangedDomain(held.addresses[0]?.domain ?? "")}</b>
              </span>
              , <span class="num">{formatClock(held.started_at, Date.now())}</span>
            </span>
            <span class="line-up">
              <Button small onClick={() => goOn(held)}>
                {t("ready.go_on")}
              </Button>
              <Button look="plain" small onClick={() => void dropDraft(held.id)}>
                {t("ready.delete_draft")}
              </Button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
