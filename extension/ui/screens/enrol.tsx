// From an invite code to a device that may report: the code, the wait for approval, and every way it can fail.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { tellOthers } from "../../browser-ports.ts";
import { CLIENT, CLIENT_NAME } from "../../client.ts";
import { type EnrolResult, enrol } from "../../enrol/enrolment.ts";
import { findExchangeOrigin, findInvite } from "../../enrol/invite.ts";
import type { Fault } from "../../report/check.ts";
import { adoptPick, ask, changeSetting, clockSkewMs, database, enrolment, refreshAll, settings } from "../desk.ts";
import { t } from "../i18n.ts";
import { CountryField, FaultSummary, faultFor, TextField } from "../parts/fields.tsx";
import { Frame } from "../parts/frame.tsx";
import { Banner, Button } from "../parts/parts.tsx";

/** Only builds for one machine may enrol with that machine. */
const LOCAL_TOO = import.meta.env.MODE === "demo" || import.meta.env.MODE === "e2e";

type Failed = Extract<EnrolResult, { ok: false }>;

const FAILURES = {
  code_ended: ["enrol.ended", "enrol.ended_more"],
  unreachable: ["enrol.unreachable", "enrol.unreachable_more"],
  busy: ["enrol.busy", "enrol.busy_more"],
  refused: ["enrol.refused", "enrol.refused_more"],
} as const;

export function EnrolScreen(): JSX.Element {
  return enrolment.value?.state === "waiting" ? <Waiting /> : <CodeEntry />;
}

function CodeEntry(): JSX.Element {
  const exchange = useSignal("");
  const code = useSignal("");
  const faults = useSignal<Fault[]>([]);
  const round = useSignal(0);
  const busy = useSignal(false);
  const failed = useSignal<Failed | undefined>(undefined);

  const send = async () => {
    const invite = findInvite(code.value);
    const origin = findExchangeOrigin(exchange.value, { localToo: LOCAL_TOO });
    faults.value = [
      ...(origin ? [] : [{ field: "exchange", word: "enrol.fault_exchange" as const }]),
      ...(invite ? [] : [{ field: "code", word: "enrol.fault_code" as const }]),
      ...(settings.value.country ? [] : [{ field: "home-country", word: "enrol.fault_country" as const }]),
    ];
    round.value += 1;
    failed.value = undefined;
    if (!invite || !origin || faults.value.length > 0) return;
    busy.value = true;
    try {
      const client = { name: CLIENT_NAME, version: CLIENT.version };
      const ports = {
        db: database(),
        exchange: { origin, now: () => Date.now() },
        client,
        language: settings.value.language,
      };
      const result = await enrol(invite, ports);
      if (result.ok) {
        clockSkewMs.value = result.clockSkewMs;
        code.value = "";
        await refreshAll();
        await adoptPick();
        tellOthers("enrolment");
        await ask({ type: "check_enrolment" });
      } else failed.value = result;
    } finally {
      busy.value = false;
    }
  };

  return (
    <Frame
      title={t("enrol.title")}
      lead={t("enrol.lead")}
      footer={
        <>
          <Button look="primary" wide primaryKey busy={busy.value} onClick={() => void send()}>
            {busy.value ? t("enrol.sending") : t("enrol.send")}
          </Button>
          <p>{t("enrol.promise")}</p>
        </>
      }
    >
      <FaultSummary what={t("enrol.not_done")} faults={faults.value} round={round.value} />
      {failed.value && <Failure failed={failed.value} exchange={exchange.value} />}
      <TextField
        id="exchange"
        label={t("enrol.exchange")}
        hint={t("enrol.exchange_hint")}
        value={exchange.value}
        onInput={(value) => {
          exchange.value = value;
        }}
        fault={faultFor(faults.value, "exchange")}
      />
      <TextField
        id="code"
        label={t("enrol.code")}
        hint={t("enrol.code_hint")}
        value={code.value}
        onInput={(value) => {
          code.value = value;
        }}
        fault={faultFor(faults.value, "code")}
      />
      <CountryField
        id="home-country"
        label={t("enrol.country")}
        hint={t("enrol.country_hint")}
        value={settings.value.country}
        onChoose={(country) => void changeSetting({ country })}
        fault={faultFor(faults.value, "home-country")}
      />
    </Frame>
  );
}

function Failure({ failed, exchange }: { failed: Failed; exchange: string }): JSX.Element {
  const [first, more] = FAILURES[failed.why];
  const args = { exchange: exchange.trim().replace(/^https?:\/\//, ""), code: failed.code ?? "unknown" };
  return (
    <Banner tone="caution" first={t(first, args)} alert>
      {t(more, args)}
    </Banner>
  );
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Shown until the panel is closed: a wrong clock stops nothing. */
export function ClockBanner(): JSX.Element | null {
  const skew = clockSkewMs.value;
  if (skew === undefined) return null;
  const days = Math.round(skew / DAY_MS);
  const first = days >= 1 ? t("enrol.clock", { days }) : t("enrol.clock_hours", { hours: Math.round(skew / HOUR_MS) });
  return (
    <Banner tone="caution" first={first}>
      {t("enrol.clock_more")}
    </Banner>
  );
}

function Waiting(): JSX.Element {
  const administrator = enrolment.value?.administrator;
  const busy = useSignal(false);
  const check = async () => {
    busy.value = true;
    await ask({ type: "check_enrolment" });
    await refreshAll();
    await adoptPick();
    busy.value = false;
  };
  const otherCode = async () => {
    await database().write([{ store: "meta", key: "enrolment", value: undefined }]);
    await refreshAll();
  };
  return (
    <Frame
      title={t("enrol.waiting")}
      organisation={enrolment.value?.member_title}
      footer={
        <>
          <Button look="primary" wide primaryKey busy={busy.value} onClick={() => void check()}>
            {t("enrol.check")}
          </Button>
          <Button look="plain" small onClick={() => void otherCode()}>
            {t("enrol.other_code")}
          </Button>
        </>
      }
    >
      <Banner
        tone="info"
        first={administrator ? t("enrol.waiting_named", { administrator }) : t("enrol.waiting_plain")}
      >
        {t("enrol.waiting_more")}
      </Banner>
      <ClockBanner />
    </Frame>
  );
}
