/** Rail, strip and the place of a screen; the break that is due, and the session that ended. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { allowedItems } from "../app.tsx";
import { Button } from "../parts/button.tsx";
import { Banner } from "../parts/notice.tsx";
import {
  BREAK_AFTER_CASES,
  BREAK_AFTER_MS,
  BREAK_PUT_OFF_MS,
  breakPutOffUntil,
  casesOpened,
  endedWhileAway,
  session,
  signOut,
  startedAt,
} from "../session.ts";
import { KeyHelp } from "./key-help.tsx";
import { isQuestionOpen, useKeys } from "./keyboard.ts";
import { go } from "./route.ts";

const GO_KEY_LASTS_MS = 1_500;
const STRIP_REFRESH_MS = 30_000;

function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function Shell({ current, children }: { current: string; children: ComponentChildren }) {
  const [menuOpen, setMenuOpen] = useState(false);
  const [helpOpen, setHelpOpen] = useState(false);
  const goPressedAt = useRef(0);
  const now = useNow(STRIP_REFRESH_MS);
  const items = allowedItems();

  const goTable = Object.fromEntries(
    items.map((item) => [
      item.key,
      () => {
        if (Date.now() - goPressedAt.current < GO_KEY_LASTS_MS) go(item.screen);
        goPressedAt.current = 0;
      },
    ]),
  );
  useKeys({
    g: () => {
      goPressedAt.current = Date.now();
    },
    "?": () => setHelpOpen(true),
  });
  useGoKeys(goPressedAt, goTable);

  const minutes = Math.floor((now - startedAt) / 60_000);
  const breakDue =
    now > breakPutOffUntil.value && (casesOpened.value.size >= BREAK_AFTER_CASES || now - startedAt >= BREAK_AFTER_MS);
  const groups = [...new Set(items.map((item) => item.group))];
  const person = session.value?.person;

  return (
    <div class="console">
      <div class="shell">
        <header class="rail">
          <p>
            <span>
              Breakwater
              <br />
              <small class="quiet-text">{session.value?.member.title}</small>
            </span>
            <button
              type="button"
              class="button small menu"
              aria-expanded={menuOpen}
              onClick={() => setMenuOpen(!menuOpen)}
            >
              Menu
            </button>
          </p>
          <nav aria-label="Console" data-open={menuOpen}>
            {groups.map((group) => (
              <div key={group}>
                <h2>{group}</h2>
                {items
                  .filter((item) => item.group === group)
                  .map((item) => (
                    <a
                      key={item.screen}
                      href={`#${item.screen}`}
                      aria-current={item.screen === current ? "page" : undefined}
                      onClick={() => setMenuOpen(false)}
                    >
                      <span>{item.label}</span>
                    </a>
                  ))}
              </div>
            ))}
          </nav>
        </header>
        <main class="work">
          <div class="strip">
            <span>
              {person?.name} · {person?.roles.join(", ")}
            </span>
            <span class="line-up">
              <span class="num">
                Session {minutes} min · {casesOpened.value.size} cases opened
              </span>
              <Button look="plain" small onPress={() => void signOut()}>
                End session
              </Button>
            </span>
          </div>
          {endedWhileAway.value ? (
            <Banner tone="caution">
              <p>
                <b>Your session has ended.</b> What you typed is kept in this browser. Open a new sign-in link to go on.
              </p>
            </Banner>
          ) : null}
          {breakDue ? (
            <Banner>
              <p>
                <b>A break is due.</b> Your place is kept.
              </p>
              <p class="line-up">
                <Button small onPress={() => void signOut()}>
                  End session
                </Button>
                <Button
                  small
                  onPress={() => {
                    breakPutOffUntil.value = Date.now() + BREAK_PUT_OFF_MS;
                  }}
                >
                  10 more minutes
                </Button>
              </p>
            </Banner>
          ) : null}
          {children}
        </main>
      </div>
      {helpOpen ? <KeyHelp onClose={() => setHelpOpen(false)} /> : null}
    </div>
  );
}

/** Runs before the screens' own keys, so that `g` then `q` never means what `q` means on the screen. */
function useGoKeys(pressedAt: { current: number }, table: Record<string, () => void>): void {
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (Date.now() - pressedAt.current >= GO_KEY_LASTS_MS || isQuestionOpen()) return;
      const run = table[event.key.toLowerCase()];
      if (!run) return;
      event.preventDefault();
      run();
    }
    document.addEventListener("keydown", onKey, { capture: true });
    return () => document.removeEventListener("keydown", onKey, { capture: true });
  });
}
