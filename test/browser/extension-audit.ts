// What holds on every screen of the panel, light and dark, wide and at 320 px; and a picture for a person to look at.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** When set, a picture of every screen is left there. */
const SHOTS = process.env.BREAKWATER_SHOTS;
const PANEL = { width: 380, height: 860 };
const NARROW = { width: 320, height: 860 };

type Axe = { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };

async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run());
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** Facts about the page that no rule engine looks for. */
async function facts(page: Page) {
  return page.evaluate(() => {
    const main = document.querySelector("main");
    const danger = document.querySelector(".banner.danger");
    const field = document.querySelector("input, select:not(#danger-country), textarea");
    const texts = [...document.querySelectorAll("body *:not(pre):not(code):not(script)")]
      .filter((element) => !element.closest("pre"))
      .flatMap((element) =>
        [...element.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ textContent }) => textContent ?? ""),
      );
    return {
      headings: document.querySelectorAll("h1").length,
      title: document.title,
      heading: document.querySelector("h1")?.textContent ?? "",
      primaries: document.querySelectorAll(".button.primary").length,
      media: document.querySelectorAll("img, picture, video, audio, object, embed, canvas, iframe").length,
      links: [...document.querySelectorAll("a[href]")].filter((a) => !a.getAttribute("href")?.startsWith("#")).length,
      liveAddresses: texts.filter((text) => /https?:\/\//i.test(text)),
      dangerFirst:
        !danger || !field || (danger.compareDocumentPosition(field) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0,
      dangers: document.querySelectorAll(".banner.danger").length,
      sideways: [...document.querySelectorAll("body *:not(.visually-hidden)")]
        .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map((element) => `${element.tagName}.${element.className} ${element.textContent?.slice(0, 40)}`),
      small: [...document.querySelectorAll("button, summary")]
        .map((element) => ({ text: element.textContent, height: element.getBoundingClientRect().height }))
        .filter(({ height }) => height > 0 && height < 24),
      hasMain: main !== null,
      lang: document.documentElement.lang,
      dir: document.documentElement.dir,
    };
  });
}

/** @param name - of the screen and state, as in the list of UI screens */
export async function audit(page: Page, name: string): Promise<void> {
  await page.setViewportSize(NARROW);
  // Before anything is put into the page to look at it: axe and screenshots leave styles of their own.
  const found = await facts(page);
  expect(found.sideways, `${name} is wider than 320 px`).toEqual([]);
  expect({ ...found, name }).toMatchObject({
    name,
    headings: 1,
    title: `${found.heading} · Breakwater`,
    media: 0,
    links: 0,
    liveAddresses: [],
    dangerFirst: true,
    small: [],
    hasMain: true,
    lang: "en",
    dir: "ltr",
  });
  expect(found.primaries, `${name}: primary buttons`).toBeLessThanOrEqual(1);
  expect(found.dangers, `${name}: danger blocks`).toBeLessThanOrEqual(1);
  await shoot(page, `${name}-320`);
  await page.setViewportSize(PANEL);
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    expect(await axeViolations(page), `${name}, ${theme}`).toEqual([]);
    await shoot(page, `${name}-${theme}`);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

async function shoot(page: Page, name: string): Promise<void> {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  const size = page.viewportSize();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  // As tall as the page: a sticky footer would stand in the middle of the picture.
  if (size) await page.setViewportSize({ width: size.width, height: Math.max(height, PANEL.height) });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  if (size) await page.setViewportSize(size);
}
