// What reading the item came to, in words; while it is read, and when nothing could be, what a person can still do.
import { PDQ_QUALITY_FLOOR } from "@breakwater/shared/signals/pdq.ts";
import type { JSX } from "preact";
import { browser } from "wxt/browser";
import type { Hash, Reading } from "../../acquire/reading.ts";
import type { Draft } from "../../report/draft.ts";
import { ask, changeDraft } from "../desk.ts";
import { t } from "../i18n.ts";
import { Answer, Banner, CopyButton, Fact, Facts, HashLine, hashName } from "../parts/parts.tsx";
import { Chip } from "../parts/shape.tsx";

/** Past this many the hash depends on who computes it. */
const AMBIGUOUS_SHOWN = 16;

export function Found({ held }: { held: Draft }): JSX.Element {
  const { reading } = held;
  if (held.address_only || (held.kind !== "image" && held.kind !== "video")) {
    return <p class="quiet-text small">{t("form.only_address")}</p>;
  }
  if (reading === undefined) return <StillReading held={held} />;
  return reading.outcome === "read" ? <Read reading={reading} /> : <Unread held={held} reading={reading} />;
}

function StillReading({ held }: { held: Draft }): JSX.Element {
  return (
    <Banner tone="info" first={t("collect.reading")}>
      <p class="line-up">
        <button type="button" class="button small" onClick={() => void ask({ type: "read_again", pick_id: held.id })}>
          {t("collect.read_again")}
        </button>
        <button type="button" class="button small" onClick={() => changeDraft({ address_only: true })}>
          {t("collect.address_only")}
        </button>
      </p>
    </Banner>
  );
}

function Unread({ held, reading }: { held: Draft; reading: Reading & { outcome: "unread" } }): JSX.Element {
  return (
    <div class="stack tight">
      <Banner tone="caution" first={t("collect.unread")}>
        <p>{t(`unread.${reading.why}`)}</p>
      </Banner>
      <p>{t("collect.still")}</p>
      <Answer digit={1} title={t("collect.address_only")} onClick={() => changeDraft({ address_only: true })} />
      <Answer
        digit={2}
        title={t("collect.pick_another")}
        hint={t("collect.pick_another_hint")}
        onClick={() => void focusTab(held.tab_id)}
      />
      <p class="small quiet-text">{t("collect.access")}</p>
    </div>
  );
}

async function focusTab(tabId: number): Promise<void> {
  await browser.tabs.update(tabId, { active: true }).catch(() => undefined);
}

function Read({ reading }: { reading: Reading & { outcome: "read" } }): JSX.Element {
  const { width, height, media_type, fidelity, hashes, animated } = reading;
  const pdq = hashes.find((hash) => hash.alg === "pdq");
  const how =
    fidelity === "rendered"
      ? t("form.read_drawn")
      : media_type === "video"
        ? t("form.read_video")
        : t("form.read_image", { width, height });
  return (
    <>
      <p class="quiet-text small">
        {how}
        {animated && ` ${t("form.first_frame")}`}
        {media_type === "image" && !pdq && ` ${t("form.no_pdq")}`}
      </p>
      <Facts>
        {hashes
          .filter(({ alg }) => alg === "sha256" || alg === "pdq")
          .map((hash) => (
            <Fact key={hash.alg} name={hashName(hash.alg)}>
              <span class="line-up">
                <HashLine alg={hash.alg} value={hash.value} />
                <CopyButton value={hash.value} what={hashName(hash.alg)} />
              </span>
              <Quality hash={hash} />
            </Fact>
          ))}
        <Fact name={t("form.listed")}>
          <Chip shape="ring" word={t("form.listed_later")} />
        </Fact>
      </Facts>
    </>
  );
}

function Quality({ hash }: { hash: Hash }): JSX.Element | null {
  if (hash.alg !== "pdq") return null;
  const low = hash.quality < PDQ_QUALITY_FLOOR;
  return (
    <span class="quiet-text small">
      {t(low ? "form.quality_low" : "form.quality", { quality: hash.quality })}
      {hash.ambiguous_bits > AMBIGUOUS_SHOWN && `, ${t("form.ambiguous", { bits: hash.ambiguous_bits })}`}
    </span>
  );
}
