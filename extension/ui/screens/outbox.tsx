// What waits to be sent: state, next try, and what a person can do about each.

import type { UuidV7 } from "@breakwater/shared/ids.ts";
import { referenceOf } from "@breakwater/shared/receipt.ts";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { byPriority, type OutboxItem } from "../../outbox/machine.ts";
import { drafts, outbox, outboxStore, page, refreshAll } from "../desk.ts";
import { reasonOf, t } from "../i18n.ts";
import { Button } from "../parts/parts.tsx";
import { Chip, type ShapeName, type Tone } from "../parts/shape.tsx";
import { mend, tryNow } from "../report-actions.ts";
import { formatClock } from "../time.ts";
import { Screen } from "./screen.tsx";

const MARKS: Record<OutboxItem["state"], { shape: ShapeName; tone?: Tone }> = {
  queued: { shape: "ring" },
  sending: { shape: "arrow", tone: "active" },
  retry_wait: { shape: "pause" },
  blocked_auth: { shape: "triangle", tone: "caution" },
  rejected_permanent: { shape: "cross", tone: "caution" },
};

export function OutboxScreen(): JSX.Element {
  const items = [...outbox.value].sort(byPriority);
  return (
    <Screen
      title={t("outbox.title")}
      footer={
        <div class="line-up apart">
          <p>{t("outbox.sent_note")}</p>
          <Button look="plain" small back onClick={() => (page.value = "home")}>
            {t("app.back")}
          </Button>
        </div>
      }
    >
      {items.length === 0 ? (
        <div class="empty">
          <p>
            <b>{t("outbox.empty")}</b>
          </p>
          <p class="small quiet-text">{t("outbox.empty_more")}</p>
        </div>
      ) : (
        <ul class="stack">
          {items.map((item) => (
            <Row key={item.id} item={item} />
          ))}
        </ul>
      )}
    </Screen>
  );
}

function Row({ item }: { item: OutboxItem }): JSX.Element {
  const asking = useSignal(false);
  const now = Date.now();
  const { shape, tone } = MARKS[item.state];
  const word = t(`outbox.${item.state}`, {
    time: formatClock(item.next_at ?? now, now),
    why: reasonOf(item.problem),
  });
  const mendable = drafts.value.some(({ id }) => id === item.id);
  const refused = item.state === "rejected_permanent" || item.state === "blocked_auth";
  const remove = async () => {
    await outboxStore().remove(item.id);
    await refreshAll();
  };
  return (
    <li class="card">
      <div class="line-up">
        <Chip shape={shape} tone={tone} word={word} />
        {item.urgent && <Chip shape="triangle" tone="danger" word={t("outbox.urgent")} />}
      </div>
      <p class="small">
        <span class="id">{referenceOf(item.id as UuidV7)}</span>
        <br />
        <span class="quiet-text">
          <span class="num">{formatClock(item.queued_at, now)}</span>
          {item.state === "retry_wait" && ` · ${t("outbox.problem", { why: reasonOf(item.problem) })}`}
        </span>
      </p>
      {asking.value ? (
        <div class="stack tight">
          <p class="small">{t("outbox.delete_sure")}</p>
          <div class="line-up">
            <Button look="danger" small onClick={() => void remove()}>
              {t("outbox.delete_do")}
            </Button>
            <Button small onClick={() => (asking.value = false)}>
              {t("outbox.keep")}
            </Button>
          </div>
        </div>
      ) : (
        <div class="line-up">
          {(item.state === "retry_wait" || item.state === "blocked_auth") && (
            <Button small onClick={() => void tryNow(item.id)}>
              {t("outbox.try_now")}
            </Button>
          )}
          {refused && mendable && (
            <Button small onClick={() => void mend(item.id)}>
              {t("outbox.mend")}
            </Button>
          )}
          <Button look="plain" small onClick={() => (asking.value = true)}>
            {t("outbox.delete")}
          </Button>
        </div>
      )}
    </li>
  );
}
