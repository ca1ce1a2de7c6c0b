// Chromium before the built console and made-up answers: what every test of the console's screens opens with, and what it looks for on each.
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Answers, type CannedConsole, openCannedConsole } from "./canned-console.ts";
import { findChromium } from "./extension-browser.ts";

const DIST = join(import.meta.dirname, "../../console/dist");
/** When set, a picture of every screen is left there for a person to look at. */
const SHOTS = process.env.BREAKWATER_SHOTS;
const CHROMIUM_ARGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 320, height: 800 };

export type ConsoleBrowser = {
  browser: Browser;
  exchange: CannedConsole;
  /** Forgets what was answered and asked before. */
  answer(...answers: Answers[]): void;
  /** Goes to a screen and waits until it is there. */
  show(page: Page, screen: string, options?: { reload: boolean }): Promise<void>;
  /** What no page may do, written down as it happens: break the content policy, throw, ask anybody but the exchange. */
  watch(page: Page): string[];
  close(): Promise<void>;
};

export async function startConsoleBrowser(): Promise<ConsoleBrowser> {
  const browser = await chromium.launch({
    executablePath: findChromium(),
    headless: true,
    chromiumSandbox: false,
    args: CHROMIUM_ARGS,
  });
  const exchange = await openCannedConsole(DIST);
  return {
    browser,
    exchange,
    answer(...answers) {
      for (const key of Object.keys(exchange.answers)) delete exchange.answers[key];
      Object.assign(exchange.answers, ...answers);
      exchange.seen.length = 0;
    },
    async show(page, screen, { reload } = { reload: false }) {
      await page.goto(`${exchange.url}/#${screen}`);
      if (reload) await page.reload();
      await page.locator("main h1").waitFor();
      await page.waitForLoadState("networkidle");
    },
    watch(page) {
      const broken: string[] = [];
      page.on("console", (message) => {
        if (/Content Security Policy/i.test(message.text())) broken.push(message.text());
      });
      page.on("pageerror", (error) => broken.push(String(error)));
      page.on("request", (request) => {
        if (!request.url().startsWith(exchange.url)) broken.push(`left the origin: ${request.url()}`);
      });
      return broken;
    },
    async close() {
      await browser.close();
      await exchange.close();
    },
  };
}

let axe: string | undefined;

/** What axe finds wrong with the page as it is now. */
export async function listFaults(page: Page): Promise<string[]> {
  axe ??= await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: runner } = window as unknown as {
      axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await runner.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  });
}

export async function shoot(page: Page, name: string): Promise<void> {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name.replaceAll("/", "-")}.png`), fullPage: true });
}
