// What was sent: reference, date, state. No address, no hash, no word of a report is shown.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { findDeviceKey } from "../../keys/device.ts";
import { refreshHistory } from "../../outbox/news.ts";
import { database, enrolment, history, outboxStore, page, refreshAll } from "../desk.ts";
import { labelOf, t } from "../i18n.ts";
import { Banner, Button } from "../parts/parts.tsx";
import { Chip, STATE_MARKS } from "../parts/shape.tsx";
import { formatUtc } from "../time.ts";
import { Screen } from "./screen.tsx";

export function HistoryScreen(): JSX.Element {
  const busy = useSignal(false);
  const unreachable = useSignal(false);
  const look = async () => {
    const [held, device] = [enrolment.value, await findDeviceKey(database())];
    if (!held || !device) return;
    busy.value = true;
    const exchange = { origin: held.exchange, now: () => Date.now() };
    unreachable.value = !(await refreshHistory(outboxStore(), { exchange, device })).reached;
    await refreshAll();
    busy.value = false;
  };
  return (
    <Screen
      title={t("history.title")}
      footer={
        <div class="line-up apart">
          <Button busy={busy.value} onClick={() => void look()}>
            {busy.value ? t("history.refreshing") : t("history.refresh")}
          </Button>
          <Button look="plain" small back onClick={() => (page.value = "home")}>
            {t("app.back")}
          </Button>
        </div>
      }
    >
      {unreachable.value && (
        <Banner
          tone="caution"
          first={t("enrol.unreachable", { exchange: enrolment.value?.exchange.replace(/^https?:\/\//, "") ?? "" })}
        />
      )}
      {history.value.length === 0 ? (
        <div class="empty">
          <p>
            <b>{t("history.empty")}</b>
          </p>
          <p class="small quiet-text">{t("history.empty_more")}</p>
        </div>
      ) : (
        <div class="scroll">
          <table class="table">
            <caption class="visually-hidden">{t("history.caption")}</caption>
            <thead>
              <tr>
                <th scope="col">{t("history.reference")}</th>
                <th scope="col">{t("history.state")}</th>
              </tr>
            </thead>
            <tbody>
              {history.value.map((item) => (
                <tr key={item.id}>
                  <th scope="row">
                    <span class="id">{item.reference}</span>
                    <small class="num">{formatUtc(item.received_at)}</small>
                  </th>
                  <td>
                    <Chip
                      shape={STATE_MARKS[item.state]?.shape ?? "ring"}
                      tone={STATE_MARKS[item.state]?.tone}
                      word={labelOf("state", item.state)}
                    />
                    {item.outcome_code && <small>{labelOf("outcome", item.outcome_code)}</small>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Screen>
  );
}
