// After "Sign and send": the receipt once it is here, and until then what happened, what is kept, what comes next.
import type { JSX } from "preact";
import { browser } from "wxt/browser";
import type { OutboxItem } from "../../outbox/machine.ts";
import type { HistoryItem } from "../../outbox/store.ts";
import { alertWords } from "../alert-words.ts";
import { containsWords } from "../contains.ts";
import { emergencyIn } from "../countries.ts";
import { drafts, history, opened, outbox, page, passedOn, sentId, settings, vault } from "../desk.ts";
import { labelOf, reasonOf, t, type WordKey } from "../i18n.ts";
import { lockNow } from "../lock-actions.ts";
import { Banner, Button, Fact, Facts } from "../parts/parts.tsx";
import { Chip } from "../parts/shape.tsx";
import { addSomething, canAdd, mend, tabOfLast, tryNow } from "../report-actions.ts";
import { formatClock, formatUtc } from "../time.ts";
import { CallFirst } from "./danger.tsx";
import { Screen } from "./screen.tsx";

const SOON_MS = 60_000;

export function SentScreen(): JSX.Element {
  const receipt = history.value.find(({ id }) => id === sentId.value);
  const waiting = outbox.value.find(({ id }) => id === sentId.value);
  if (receipt) return <Sent receipt={receipt} />;
  return <Unsent item={waiting} />;
}

function home(): void {
  page.value = "home";
}

function Sent({ receipt }: { receipt: HistoryItem }): JSX.Element {
  const step = receipt.next_step ?? "two_people_assess";
  const next =
    step === "urgent_alerted"
      ? alertWords("next", { passedOn: passedOn.value, hotline: receipt.hotline })
      : t(`next.${step}` as WordKey);
  const tabId = tabOfLast();
  return (
    <Screen title={t("sent.title")} lead={t("sent.lead")} footer={<AfterSending />}>
      <section class="receipt" aria-label={t("sent.receipt")}>
        <div>
          <p class="small quiet-text">{t("sent.reference")}</p>
          <p class="ref">{receipt.reference}</p>
        </div>
        <Facts>
          <Fact name={t("sent.received")}>
            <span class="num">{formatUtc(receipt.received_at)}</span>
          </Fact>
          <Fact name={t("sent.by")}>{receipt.hotline}</Fact>
          {receipt.contains && (
            <Fact name={t("sent.contains")}>
              {containsWords(receipt.contains)}. {t("contains.no_picture")}
            </Fact>
          )}
          <Fact name={t("sent.receipt")}>
            <Chip shape="tick" tone="good" word={t("sent.checked")} />
          </Fact>
        </Facts>
        <p class="small print-only">
          {t("sent.digest")} <code>{receipt.receipt_digest}</code>
        </p>
        <p class="small">
          <b>{t("sent.next")}</b> {next}
        </p>
      </section>
      {receipt.urgent && <CallFirst />}
      <div class="stack tight">
        {tabId !== undefined && (
          <Button
            look="primary"
            wide
            primaryKey
            onClick={() => {
              void browser.tabs.remove(tabId).catch(() => undefined);
              home();
            }}
          >
            {t("sent.close_tab")}
          </Button>
        )}
        <div class="line-up">
          <Button small onClick={() => window.print()}>
            {t("sent.print")}
          </Button>
          {canAdd() && (
            <Button small onClick={addSomething}>
              {t("sent.add")}
            </Button>
          )}
          <Button small back onClick={home}>
            {t("sent.another")}
          </Button>
        </div>
      </div>
      <Banner>{t("sent.do_not")}</Banner>
    </Screen>
  );
}

function AfterSending(): JSX.Element {
  return (
    <div class="line-up apart">
      <span>{t("sent.opened", { count: opened.value })}</span>
      <Button small onClick={() => (vault.value.guarded ? void lockNow() : window.close())}>
        {t("sent.break")}
      </Button>
    </div>
  );
}

function Unsent({ item }: { item: OutboxItem | undefined }): JSX.Element {
  const urgent = item?.urgent ?? false;
  const mendable = drafts.value.some(({ id }) => id === item?.id);
  return (
    <Screen
      title={item?.state === "sending" || item?.state === "queued" ? t("unsent.sending") : t("unsent.title")}
      footer={<AfterSending />}
    >
      {/* The one danger block of the screen is the number; what happened to the report stands under it. */}
      {urgent && <CallFirst />}
      {item && <Happened item={item} />}
      <div class="line-up">
        {item && (item.state === "retry_wait" || item.state === "blocked_auth") && (
          <Button look="primary" primaryKey onClick={() => void tryNow(item.id)}>
            {t("outbox.try_now")}
          </Button>
        )}
        {item?.state === "rejected_permanent" && mendable && (
          <Button look="primary" primaryKey onClick={() => void mend(item.id)}>
            {t("outbox.mend")}
          </Button>
        )}
        <Button back onClick={home}>
          {t("app.back")}
        </Button>
      </div>
      <Banner>{t("sent.do_not")}</Banner>
    </Screen>
  );
}

function Happened({ item }: { item: OutboxItem }): JSX.Element {
  const why = reasonOf(item.problem);
  const number = emergencyIn(settings.value.country).call;
  const call = item.urgent ? `${t("unsent.call", { number })} ` : "";
  switch (item.state) {
    case "retry_wait":
      return (
        <Banner tone="caution" first={t("unsent.lead", { why })} alert>
          <p>
            {call}
            {keptUntil(item.next_at ?? Date.now())}
          </p>
        </Banner>
      );
    case "blocked_auth":
      return (
        <Banner tone="caution" first={t("unsent.blocked", { why })} alert>
          <p>
            {call}
            {t("unsent.blocked_more")}
          </p>
        </Banner>
      );
    case "rejected_permanent":
      return (
        <Banner tone="caution" first={t("unsent.refused", { why })} alert>
          <p>
            {call}
            {t("unsent.refused_more")}
          </p>
          {item.fields && <p class="small">{item.fields.map((field) => labelOf("field", field)).join(", ")}</p>}
        </Banner>
      );
    default:
      return (
        <Banner tone="info" first={t("unsent.sending")}>
          {t("unsent.kept_plain")}
        </Banner>
      );
  }
}

export function keptUntil(at: number): string {
  const left = at - Date.now();
  if (left <= SOON_MS) return t("unsent.kept_soon", { seconds: Math.max(1, Math.ceil(left / 1000)) });
  return t("unsent.kept", { time: formatClock(at, Date.now()) });
}
