/** Banners, empty and loading states, error summaries: what happened, what is safe, what to do. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const LOADING_SHOWS_AFTER_MS = 300;

export function Banner({
  tone,
  children,
}: {
  tone?: "info" | "caution" | "danger" | "good";
  children: ComponentChildren;
}) {
  return (
    <div class={tone ? `banner ${tone}` : "banner"} role={tone === "danger" ? "alert" : "status"}>
      {children}
    </div>
  );
}

export function Empty({ fact, next, children }: { fact: string; next: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p>
        <b>{fact}</b>
      </p>
      <p class="small quiet-text">{next}</p>
      {children}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), LOADING_SHOWS_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return <p role="status">{late ? `Loading ${what}…` : ""}</p>;
}

/** Faults of a form; takes the focus when it appears, and each line leads to its field. */
export function ErrorSummary({ title, faults }: { title: string; faults: { field: string; text: string }[] }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <div class="errors" role="alert" tabIndex={-1} ref={box}>
      <p>
        <b>{title}</b>
      </p>
      {faults.map(({ field, text }) => (
        <p key={field}>
          <button
            type="button"
            class="button plain small"
            onClick={() => {
              const target = document.getElementById(field);
              (target?.querySelector<HTMLElement>("input, textarea") ?? target)?.focus();
            }}
          >
            {text}
          </button>
        </p>
      ))}
    </div>
  );
}
