// Which screen stands: first what must come first (enrol, switched off, locked), then the page in hand.
import { useSignal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Step } from "../report/draft.ts";
import { markActive } from "../work.ts";
import { draft, enrolment, type Page, page, settings, vault } from "./desk.ts";
import { onKey } from "./keys.ts";
import { DangerScreen } from "./screens/danger.tsx";
import { EnrolScreen } from "./screens/enrol.tsx";
import { FormScreen } from "./screens/form.tsx";
import { LockedScreen, RevokedScreen } from "./screens/gate.tsx";
import { HistoryScreen } from "./screens/history.tsx";
import { OptionsScreen, StandaloneOptions } from "./screens/options.tsx";
import { OutboxScreen } from "./screens/outbox.tsx";
import { ReadyScreen } from "./screens/ready.tsx";
import { ReviewScreen } from "./screens/review.tsx";
import { SentScreen } from "./screens/sent.tsx";
import { SupportScreen } from "./screens/support.tsx";
import { UrgentScreen } from "./screens/urgent.tsx";

const STEPS: Record<Step, ComponentType> = {
  danger: DangerScreen,
  urgent: UrgentScreen,
  form: FormScreen,
  support: SupportScreen,
  review: ReviewScreen,
};
const PAGES: Record<Exclude<Page, "report">, ComponentType> = {
  home: ReadyScreen,
  sent: SentScreen,
  outbox: OutboxScreen,
  history: HistoryScreen,
  options: () => <OptionsScreen />,
};

export function App({ standaloneOptions = false }: { standaloneOptions?: boolean }): JSX.Element {
  const enrolAgain = useSignal(false);
  useLook();
  useKeys();
  const held = enrolment.value;
  if (held?.state === "revoked" && !enrolAgain.value)
    return <RevokedScreen onEnrol={() => (enrolAgain.value = true)} />;
  if (vault.value.state === "locked") return <LockedScreen />;
  if (standaloneOptions) return <StandaloneOptions />;
  if (held?.state !== "active") return <EnrolScreen />;
  const current = page.value;
  if (current !== "report") {
    const Shown = PAGES[current];
    return <Shown />;
  }
  if (!draft.value) return <ReadyScreen />;
  const Shown = STEPS[draft.value.step];
  return <Shown />;
}

function useLook(): void {
  const { theme, density, language } = settings.value;
  useEffect(() => {
    const root = document.documentElement;
    root.lang = language;
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    root.dataset.density = density;
  }, [theme, density, language]);
}

function useKeys(): void {
  const singleKeys = settings.value.single_keys;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      void markActive();
      onKey(event, { singleKeys });
    };
    const touch = () => void markActive();
    document.addEventListener("keydown", listen);
    document.addEventListener("pointerdown", touch);
    touch();
    return () => {
      document.removeEventListener("keydown", listen);
      document.removeEventListener("pointerdown", touch);
    };
  }, [singleKeys]);
}
