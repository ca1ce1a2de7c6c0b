// What a person can set, see and delete about this panel.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { browser } from "wxt/browser";
import { CLIENT } from "../../client.ts";
import { findRecipients } from "../../enrol/enrolment.ts";
import { formatDiagnostics } from "../../settings/diagnostics.ts";
import { LOCK_AFTER_MINUTES, type Settings } from "../../settings/settings.ts";
import { changeSetting, database, drafts, enrolment, history, outbox, page, settings, vault } from "../desk.ts";
import { labelOf, t } from "../i18n.ts";
import { CountryField, SelectField, Tick } from "../parts/fields.tsx";
import { Button, CopyButton, Exact, Fact, Facts } from "../parts/parts.tsx";
import { formatUtc } from "../time.ts";
import { PassphraseForm } from "./passphrase.tsx";
import { Screen } from "./screen.tsx";
import { WipeQuestion } from "./wipe.tsx";

function choice<Name extends "theme" | "density">(name: Name, values: readonly Settings[Name][]): JSX.Element {
  return (
    <SelectField
      id={name}
      label={t(`options.${name}`)}
      value={settings.value[name]}
      options={values.map((value) => ({ value, label: labelOf(name, value) }))}
      onChoose={(value) => void changeSetting({ [name]: value })}
    />
  );
}

/** On a page of its own there is nothing to go back to. */
export function StandaloneOptions(): JSX.Element {
  return <OptionsScreen standalone />;
}

export function OptionsScreen({ standalone = false }: { standalone?: boolean; children?: never }): JSX.Element {
  return (
    <Screen
      title={t("options.title")}
      footer={
        standalone ? undefined : (
          <Button look="plain" small back onClick={() => (page.value = "home")}>
            {t("app.back")}
          </Button>
        )
      }
    >
      <SelectField
        id="language"
        label={t("options.language")}
        value={settings.value.language}
        options={[{ value: "en", label: t("options.language_en") }]}
        onChoose={() => undefined}
      />
      {choice("theme", ["system", "light", "dark"])}
      {choice("density", ["regular", "compact"])}
      <div class="stack tight">
        <h2>{t("options.single_keys")}</h2>
        <Tick
          id="single_keys"
          label={t("options.single_keys_on")}
          checked={settings.value.single_keys}
          onChange={(single_keys) => void changeSetting({ single_keys })}
        />
        <p class="small quiet-text">{t("options.single_keys_hint")}</p>
      </div>
      <CountryField
        id="own-country"
        label={t("options.country")}
        hint={t("enrol.country_hint")}
        value={settings.value.country}
        onChoose={(country) => void changeSetting({ country })}
      />
      <section class="card">
        <h2>{t("options.lock")}</h2>
        <PassphraseForm />
        {vault.value.guarded && (
          <SelectField
            id="lock_after"
            label={t("options.lock_after")}
            value={String(settings.value.lock_after_minutes)}
            options={LOCK_AFTER_MINUTES.map((minutes) => ({
              value: String(minutes),
              label: t("options.minutes", { minutes }),
            }))}
            onChoose={(value) =>
              void changeSetting({ lock_after_minutes: Number(value) as Settings["lock_after_minutes"] })
            }
          />
        )}
      </section>
      <Shortcuts />
      <ThisDevice />
      <Diagnostics />
      <Wipe />
    </Screen>
  );
}

function Shortcuts(): JSX.Element {
  const bound = useSignal<{ name: string; shortcut: string }[]>([]);
  useEffect(() => {
    void browser.commands?.getAll().then((all) => {
      bound.value = all.flatMap(({ name, shortcut }) =>
        name && !name.startsWith("_") ? [{ name, shortcut: shortcut ?? "" }] : [],
      );
    });
  }, []);
  return (
    <section class="card">
      <h2>{t("options.shortcuts")}</h2>
      <Facts>
        {bound.value.map(({ name, shortcut }) => (
          <Fact key={name} name={labelOf("shortcut", name)}>
            {shortcut ? <kbd>{shortcut}</kbd> : t("options.shortcut_none")}
          </Fact>
        ))}
      </Facts>
      <p class="small quiet-text">{t("options.shortcuts_hint")}</p>
    </section>
  );
}

function ThisDevice(): JSX.Element | null {
  const held = enrolment.value;
  if (!held) return null;
  return (
    <section class="card">
      <h2>{t("options.enrolment")}</h2>
      <Facts>
        <Fact name={t("options.organisation")}>{held.member_title}</Fact>
        <Fact name={t("options.hotline")}>{held.hotline}</Fact>
        <Fact name={t("options.exchange")}>
          <span class="url">{held.exchange.replace(/^https?:\/\//, "").replaceAll(".", "[.]")}</span>
        </Fact>
        <Fact name={t("options.device")}>
          <span class="id">{held.device_id.slice(0, 8)}…</span>
        </Fact>
        <Fact name={t("options.until")}>
          <span class="num">{formatUtc(held.expires_at)}</span>
        </Fact>
        <Fact name={t("options.access")}>
          {t("options.access_none")} {t(held.policy.rung3 ? "options.rung3_on" : "options.rung3_off")}
        </Fact>
      </Facts>
    </section>
  );
}

function Diagnostics(): JSX.Element {
  const text = useSignal("");
  const show = async () => {
    text.value = formatDiagnostics({
      version: CLIENT.version,
      browserFamily: CLIENT.browser_family,
      osFamily: CLIENT.os_family,
      enrolment: enrolment.value,
      recipientsVersion: (await findRecipients(database()))?.version,
      guarded: vault.value.guarded,
      settings: settings.value,
      drafts: drafts.value.length,
      outbox: outbox.value,
      history: history.value,
    });
  };
  return (
    <section class="card">
      <h2>{t("options.diagnostics")}</h2>
      <p class="small quiet-text">{t("options.diagnostics_hint")}</p>
      {text.value === "" ? (
        <div class="line-up">
          <Button small onClick={() => void show()}>
            {t("options.diagnostics_show")}
          </Button>
        </div>
      ) : (
        <>
          <Exact label={t("options.diagnostics")} text={text.value} />
          <div class="line-up">
            <CopyButton value={text.value} what={t("options.diagnostics")} />
          </div>
        </>
      )}
    </section>
  );
}

function Wipe(): JSX.Element {
  const asking = useSignal(false);
  return asking.value ? (
    <WipeQuestion onKeep={() => (asking.value = false)} />
  ) : (
    <div class="line-up">
      <Button onClick={() => (asking.value = true)}>{t("options.wipe")}</Button>
    </div>
  );
}
