/** A table that may be wider than the screen: reachable by keyboard, so that it can be scrolled without a pointer. */
import type { ComponentChildren } from "preact";

export function Scroll({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: WCAG 2.1.1, a region that scrolls must take the focus
    <section class="scroll" aria-label={name} tabIndex={0}>
      {children}
    </section>
  );
}
