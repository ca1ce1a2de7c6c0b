// The question before everything is deleted from this browser: what goes, what stays, the verb on the button.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isUnsent } from "../../outbox/machine.ts";
import { wipeDevice } from "../../settings/wipe.ts";
import { database, outbox } from "../desk.ts";
import { t } from "../i18n.ts";
import { Button } from "../parts/parts.tsx";

export function WipeQuestion({ onKeep }: { onKeep: () => void }): JSX.Element {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <section class="errors stack tight" aria-label={t("options.wipe_title")} tabIndex={-1} ref={box}>
      <p>{t("options.wipe_sure", { unsent: outbox.value.filter(isUnsent).length })}</p>
      <div class="line-up">
        <Button look="danger" small onClick={() => void wipeDevice(database())}>
          {t("options.wipe_do")}
        </Button>
        <Button small back onClick={onKeep}>
          {t("options.wipe_keep")}
        </Button>
      </div>
    </section>
  );
}
