/** A screen's heading and title; the heading takes the focus on arrival, so that a reader hears where they are. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

export function Screen({
  title,
  aside,
  lead,
  children,
}: {
  title: string;
  aside?: ComponentChildren;
  lead?: ComponentChildren;
  children?: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Breakwater`;
    heading.current?.focus();
  }, [title]);
  return (
    <>
      <div class="stack tight">
        <div class="line-up apart">
          <h1 tabIndex={-1} ref={heading}>
            {title}
          </h1>
          {aside}
        </div>
        {lead}
      </div>
      {children}
    </>
  );
}
