/** A page as another language or other eyes have it: right to left, text at 200 %, words 40 % longer; and what then overflows. */
import type { Page } from "playwright-core";

const LONGER_BY = 0.4;

/** Every word on the page now gets the length that a longer language needs, once; a reload takes it back. */
export async function stretch(page: Page, { rtl, text }: { rtl: boolean; text: string }): Promise<void> {
  await page.evaluate(
    ({ rtl, text, by }) => {
      const root = document.documentElement;
      root.dir = rtl ? "rtl" : "ltr";
      root.style.fontSize = text;
      if (root.dataset.longer) return;
      root.dataset.longer = "";
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        // Addresses, hashes and ids are the same in every language.
        if (node.parentElement?.closest(".url, .hash, .id, code, pre, script, kbd, .visually-hidden")) continue;
        node.textContent = (node.textContent ?? "").replace(/\p{L}{2,}/gu, (word) =>
          word.padEnd(Math.ceil(word.length * (1 + by)), "ë"),
        );
      }
    },
    { rtl, text, by: LONGER_BY },
  );
}

/** What does not fit: a page that scrolls sideways, and elements whose text is cut off or leaves the page. */
export function overflows(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const root = document.documentElement;
    const name = (element: Element) => `${element.tagName}.${element.className}: ${element.textContent?.slice(0, 50)}`;
    const seen = [...document.body.querySelectorAll("*")].filter(
      // What a scrolling box holds may be wider; the box itself may not.
      (element) => !element.closest(".visually-hidden") && !element.parentElement?.closest(".scroll, .exact"),
    );
    const outside = seen.filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width > 0 && (left < -1 || right > root.clientWidth + 1);
    });
    const cut = seen.filter((element) => {
      const { overflowX } = getComputedStyle(element);
      return (overflowX === "hidden" || overflowX === "clip") && element.scrollWidth > element.clientWidth + 1;
    });
    return [
      ...(root.scrollWidth > root.clientWidth ? [`page: ${root.scrollWidth} in ${root.clientWidth}`] : []),
      ...outside.map((element) => `outside ${name(element)}`),
      ...cut.map((element) => `cut ${name(element)}`),
    ];
  });
}

/** In forced colours a background says nothing: what can be pressed needs a border, and the focus an outline. */
export async function unmarked(page: Page): Promise<string[]> {
  await page.emulateMedia({ forcedColors: "active" });
  // Browsers show the focus to whoever used the keyboard last.
  await page.keyboard.press("Shift");
  const found = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, input, select, textarea, .banner")]
      // A case's name in its row is told apart by the row.
      .filter((element) => !element.closest(".visually-hidden, .row-open") && element.getClientRects().length > 0)
      .flatMap((element) => {
        const { borderTopStyle, borderTopWidth, appearance } = getComputedStyle(element);
        const drawn = appearance === "auto" && /^(INPUT|SELECT)$/.test(element.tagName);
        const hasBorder = drawn || (borderTopStyle !== "none" && Number.parseFloat(borderTopWidth) > 0);
        if (element.matches("button, input, select, textarea")) element.focus();
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const hasOutline =
          document.activeElement !== element || (outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0);
        return [
          ...(hasBorder ? [] : [`no border: ${element.className} ${element.textContent?.slice(0, 40)}`]),
          ...(hasOutline ? [] : [`no outline: ${element.className} ${element.textContent?.slice(0, 40)}`]),
        ];
      }),
  );
  await page.emulateMedia({ forcedColors: "none" });
  return found;
}
