// The panel's frame: who, lock, one heading, the page, the primary act at the foot. The heading takes the focus.
import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n.ts";
import { Button } from "./parts.tsx";

type FrameProps = {
  title: string;
  lead?: ComponentChildren;
  organisation?: string | undefined;
  onLock?: (() => void) | undefined;
  footer?: ComponentChildren;
  children: ComponentChildren;
  /** Stands above the heading: only the danger block of a locked panel. */
  above?: ComponentChildren;
};

export function Frame({ title, lead, organisation, onLock, footer, children, above }: FrameProps): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
    heading.current?.focus();
    window.scrollTo(0, 0);
  }, [title]);
  return (
    <div class="panel">
      <header>
        <span>
          <b>{t("app.name")}</b>
          {organisation && ` · ${organisation}`}
        </span>
        {onLock && (
          <Button look="plain" small onClick={onLock}>
            {t("app.lock")}
          </Button>
        )}
      </header>
      <main>
        {above}
        <div class="stack tight">
          <h1 tabIndex={-1} ref={heading}>
            {title}
          </h1>
          {typeof lead === "string" ? <p>{lead}</p> : lead}
        </div>
        {children}
      </main>
      {footer && <footer>{footer}</footer>}
    </div>
  );
}
