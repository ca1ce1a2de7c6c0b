// Screens that stand before everything else: no store, locked, and switched off by the organisation.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { enrolment } from "../desk.ts";
import { t } from "../i18n.ts";
import { unlockWith } from "../lock-actions.ts";
import { TextField } from "../parts/fields.tsx";
import { Frame } from "../parts/frame.tsx";
import { Button } from "../parts/parts.tsx";
import { formatClock } from "../time.ts";
import { CallFirst } from "./danger.tsx";
import { WipeQuestion } from "./wipe.tsx";

export function LockedScreen(): JSX.Element {
  const typed = useSignal("");
  const fault = useSignal<string | undefined>(undefined);
  const busy = useSignal(false);
  const open = async () => {
    busy.value = true;
    fault.value = undefined;
    const result = await unlockWith(typed.value);
    busy.value = false;
    if (result.ok) return;
    typed.value = "";
    fault.value = result.waitUntil
      ? t("locked.wait", { time: formatClock(result.waitUntil, Date.now()) })
      : t("locked.wrong", { tries: result.triesLeft });
    document.getElementById("passphrase")?.focus();
  };
  return (
    <Frame
      title={t("locked.title")}
      lead={t("locked.lead")}
      organisation={enrolment.value?.member_title}
      // A lock hides what was written; it must never hide the number to call.
      above={<CallFirst />}
      footer={<p>{t("locked.still_sending")}</p>}
    >
      <div aria-live="polite" class="stack">
        <TextField
          id="passphrase"
          secret
          label={t("locked.passphrase")}
          value={typed.value}
          onInput={(value) => {
            typed.value = value;
          }}
          fault={fault.value}
        />
      </div>
      <Button look="primary" wide primaryKey busy={busy.value} onClick={() => void open()}>
        {busy.value ? t("locked.unlocking") : t("locked.unlock")}
      </Button>
    </Frame>
  );
}

/** The browser gave no store: nothing can be reported from here, and the number to call stands all the same. */
export function NoStoreScreen(): JSX.Element {
  return (
    <Frame title={t("no_store.title")} lead={t("no_store.lead")} above={<CallFirst />}>
      <p>{t("no_store.more")}</p>
    </Frame>
  );
}

export function RevokedScreen({ onEnrol }: { onEnrol: () => void }): JSX.Element {
  const asking = useSignal(false);
  const held = enrolment.value;
  const date = new Date(held?.revoked_at ?? Date.now()).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
  });
  return (
    <Frame
      title={t("revoked.title")}
      lead={t("revoked.lead", { organisation: held?.member_title ?? "", date })}
      organisation={held?.member_title}
    >
      <CallFirst />
      <p>{t("revoked.more")}</p>
      {asking.value ? (
        <WipeQuestion onKeep={() => (asking.value = false)} />
      ) : (
        <div class="line-up">
          <Button look="primary" primaryKey onClick={onEnrol}>
            {t("enrol.title")}
          </Button>
          <Button onClick={() => (asking.value = true)}>{t("revoked.delete")}</Button>
        </div>
      )}
    </Frame>
  );
}
