// Sets, changes or removes the passphrase that guards the drafts.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { tellOthers } from "../../browser-ports.ts";
import { changePassphrase, PASSPHRASE_MIN_CHARS } from "../../keys/vault.ts";
import { refreshAll, settled, vault, vaultPorts } from "../desk.ts";
import { t } from "../i18n.ts";
import { TextField } from "../parts/fields.tsx";
import { Button } from "../parts/parts.tsx";

export function PassphraseForm(): JSX.Element {
  const first = useSignal("");
  const again = useSignal("");
  const fault = useSignal<{ field: "first" | "again"; text: string } | undefined>(undefined);
  const busy = useSignal(false);
  const done = useSignal(false);

  const change = async (passphrase: string | undefined) => {
    busy.value = true;
    // A draft being written under the old key must not land after the new one.
    await settled();
    await changePassphrase(vaultPorts(), passphrase);
    await refreshAll();
    tellOthers("vault");
    first.value = "";
    again.value = "";
    busy.value = false;
    done.value = passphrase !== undefined;
  };
  const save = () => {
    const min = PASSPHRASE_MIN_CHARS;
    done.value = false;
    if ([...first.value].length < min) fault.value = { field: "first", text: t("options.passphrase_short", { min }) };
    else if (first.value !== again.value) fault.value = { field: "again", text: t("options.passphrase_differ") };
    else {
      fault.value = undefined;
      void change(first.value);
      return;
    }
    document.getElementById(`passphrase-${fault.value.field}`)?.focus();
  };
  const faultOf = (field: "first" | "again") => (fault.value?.field === field ? fault.value.text : undefined);

  return (
    <>
      <p class="small">{t(vault.value.guarded ? "options.passphrase_set" : "options.passphrase_none")}</p>
      <TextField
        id="passphrase-first"
        secret
        label={t("options.passphrase")}
        hint={t("options.passphrase_hint", { min: PASSPHRASE_MIN_CHARS })}
        value={first.value}
        onInput={(value) => {
          first.value = value;
        }}
        fault={faultOf("first")}
      />
      <TextField
        id="passphrase-again"
        secret
        label={t("options.passphrase_again")}
        value={again.value}
        onInput={(value) => {
          again.value = value;
        }}
        fault={faultOf("again")}
      />
      <p role="status" class="small">
        {done.value ? t("options.passphrase_done") : ""}
      </p>
      <div class="line-up">
        <Button small busy={busy.value} onClick={save}>
          {busy.value ? t("options.passphrase_saving") : t("options.passphrase_save")}
        </Button>
        {vault.value.guarded && (
          <Button look="plain" small busy={busy.value} onClick={() => void change(undefined)}>
            {t("options.passphrase_remove")}
          </Button>
        )}
      </div>
    </>
  );
}
