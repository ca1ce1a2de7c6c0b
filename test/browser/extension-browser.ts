// Chromium with the extension in it: builds once, starts headless, dispatches the browser's own menu.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page, type Worker } from "playwright-core";

const ROOT = resolve(import.meta.dirname, "../..");
/** A busy machine of two cores takes a second for a screen; ten mean that it does not come. */
const STEP_TIMEOUT_MS = 10_000;
const EXTENSION = join(ROOT, "extension");

export type BuildMode = "e2e" | "demo" | "production";

/** Into a folder of its own: two test runs at a time do not pull the build from under each other. */
export function buildExtension(mode: BuildMode, browser: "chrome" | "firefox" = "chrome"): string {
  const wxt = join(EXTENSION, "node_modules/wxt/bin/wxt.mjs");
  const out = mkdtempSync(join(tmpdir(), "bw-extension-"));
  const env = { ...process.env, BREAKWATER_EXTENSION_OUT: out };
  const args = [wxt, "build", "--browser", browser, "--mv3", "--mode", mode];
  execFileSync(process.execPath, args, { cwd: EXTENSION, stdio: "pipe", env });
  return join(out, mode === "production" ? `${browser}-mv3` : `${browser}-mv3-${mode}`);
}

export function findChromium(): string {
  const found = [process.env.BREAKWATER_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
    (path) => path && existsSync(path),
  );
  if (!found) throw new Error("Chromium is not installed; on Debian: apt-get install chromium");
  return found;
}

export type Flagger = {
  context: BrowserContext;
  id: string;
  worker(): Promise<Worker>;
  panel(): Promise<Page>;
  /** Clicks an entry of the browser's own context menu. */
  flag(page: Page, facts: { menuItemId: string; srcUrl?: string; linkUrl?: string }): Promise<void>;
  /** A real click on the extension's button while this page is shown: the browser grants activeTab for it. */
  clickButton(page: Page): Promise<void>;
  stopWorker(): Promise<void>;
  violations: string[];
  close(): Promise<void>;
};

export async function startFlagger(
  directory: string,
  profile = mkdtempSync(join(tmpdir(), "bw-flagger-")),
): Promise<Flagger> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findChromium(),
    headless: true,
    chromiumSandbox: false,
    viewport: { width: 380, height: 900 },
    args: [
      `--disable-extensions-except=${directory}`,
      `--load-extension=${directory}`,
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
  context.setDefaultTimeout(STEP_TIMEOUT_MS);
  const violations: string[] = [];
  context.on("console", (message) => {
    if (/Content Security Policy|violates the following/i.test(message.text())) violations.push(message.text());
  });
  context.on("weberror", (error) => violations.push(`error: ${error.error().message}`));
  const worker = async () => context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  const id = new URL((await worker()).url()).host;

  return {
    context,
    id,
    worker,
    violations,
    panel: async () => {
      const page = await context.newPage();
      await page.goto(`chrome-extension://${id}/sidepanel.html`);
      await page.locator("h1").waitFor();
      return page;
    },
    flag: async (page, facts) => {
      const url = page.url();
      await (await worker()).evaluate(
        async ({ facts, url }) => {
          const chrome = (globalThis as unknown as { chrome: ChromeForTests }).chrome;
          const [tab] = (await chrome.tabs.query({})).filter((each) => each.url === url);
          chrome.contextMenus.onClicked.dispatch({ ...facts, pageUrl: url, frameId: 0, editable: false }, tab);
        },
        { facts, url },
      );
    },
    clickButton: async (page) => {
      await page.bringToFront();
      const own = await context.newCDPSession(page);
      const { targetInfo } = await own.send("Target.getTargetInfo");
      await own.detach();
      const cdp = await (context.browser() as Browser).newBrowserCDPSession();
      const { targetInfos } = await cdp.send("Target.getTargets", { filter: [{ type: "tab" }] });
      const tab = targetInfos.find(({ url }) => url === targetInfo.url);
      await cdp.send("Extensions.triggerAction" as never, { id, targetId: tab?.targetId } as never);
      await cdp.detach();
    },
    stopWorker: async () => {
      const page = context.pages()[0] ?? (await context.newPage());
      const cdp = await context.newCDPSession(page);
      await cdp.send("ServiceWorker.enable");
      await cdp.send("ServiceWorker.stopAllWorkers");
      await cdp.detach();
    },
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

type ChromeForTests = {
  tabs: { query(filter: object): Promise<{ id: number; url?: string }[]> };
  contextMenus: { onClicked: { dispatch(info: object, tab: unknown): void } };
};
