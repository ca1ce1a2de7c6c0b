// The builds that are given to people: what they ask for, what they may reach, and that nothing is read before a click.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildExtension, type Flagger, startFlagger } from "./extension-browser.ts";
import { type Site, startSite } from "./extension-page.ts";

type Manifest = {
  permissions: string[];
  host_permissions?: string[];
  optional_host_permissions?: string[];
  content_scripts?: object[];
  web_accessible_resources?: object[];
  externally_connectable?: object;
  content_security_policy: { extension_pages: string };
  side_panel?: object;
  sidebar_action?: object;
  background: { service_worker?: string; scripts?: string[] };
  browser_specific_settings?: object;
};

const manifestOf = (directory: string) =>
  JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as Manifest;

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

let production: string;
let flagger: Flagger;
let site: Site;
beforeAll(async () => {
  production = buildExtension("production");
  site = await startSite("");
  flagger = await startFlagger(production);
});
afterAll(async () => {
  await flagger?.close();
  await site?.close();
});

describe("the production build", () => {
  it("asks for no site, puts no script into any page, and shows no file to one", () => {
    const manifest = manifestOf(production);
    expect(manifest.permissions).toEqual(["activeTab", "scripting", "contextMenus", "storage", "alarms", "sidePanel"]);
    for (const name of [
      "host_permissions",
      "optional_host_permissions",
      "content_scripts",
      "web_accessible_resources",
      "externally_connectable",
    ] as const) {
      expect(manifest[name], name).toBeUndefined();
    }
  });

  it("reaches https and nothing else, evaluates nothing, frames nothing, shows no picture", () => {
    const policy = manifestOf(production).content_security_policy.extension_pages;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/connect-src 'self' https:(;|$)/);
    expect(policy).toContain("media-src 'none'");
    expect(policy).not.toMatch(/unsafe|http:\/\/|data:|blob:|\*/);
  });

  it("holds no address of this machine, no inline style or script, and no picture", () => {
    for (const path of filesOf(production)) {
      expect(path).not.toMatch(/\.(png|jpe?g|gif|webp|avif|svg|ico|woff2?)$/);
      const text = readFileSync(path, "utf8");
      if (path.endsWith(".html")) expect(text).not.toMatch(/<style|\sstyle=|<script(?![^>]*\ssrc=)|https?:\/\//);
      if (path.endsWith(".css")) expect(text).not.toMatch(/url\(|@import/);
    }
  });

  it("has no origin, and reads nothing of a page that nobody clicked", async () => {
    const page = await flagger.context.newPage();
    await page.goto(`${site.origin}/t/1042`);
    await page.waitForFunction("window.ready === true");
    const found = await (await flagger.worker()).evaluate(async () => {
      const chrome = (globalThis as unknown as { chrome: ChromeForTests }).chrome;
      const { origins } = await chrome.permissions.getAll();
      const tabs = await chrome.tabs.query({});
      const reads = await Promise.all(
        tabs.map(({ id }) =>
          chrome.scripting.executeScript({ target: { tabId: id }, func: () => document.title }).then(
            () => "read",
            () => "refused",
          ),
        ),
      );
      return { origins, reads, addresses: tabs.map(({ url }) => url ?? "") };
    });
    expect(found.origins).toEqual([]);
    expect(found.reads.length).toBeGreaterThan(0);
    expect(found.reads.every((read) => read === "refused")).toBe(true);
    expect(found.addresses.join()).not.toContain("1042");
    expect(await page.evaluate("window.changes")).toBe(0);
  });

  it("does not enrol with an exchange that is not https", async () => {
    const panel = await flagger.panel();
    await panel.getByLabel("Address of the exchange").fill("http://127.0.0.1:9");
    await panel.keyboard.press("Control+Enter");
    await panel.getByText("This is not an address of an exchange. It begins with https.").first().waitFor();
    expect(flagger.violations).toEqual([]);
  });
});

describe("other builds", () => {
  it("the demo may also reach this machine, and says in its name that it is one", () => {
    const manifest = manifestOf(buildExtension("demo")) as Manifest & { name: string };
    expect(manifest.name).toBe("Breakwater (demo)");
    expect(manifest.host_permissions).toBeUndefined();
    expect(manifest.content_security_policy.extension_pages).toContain(
      "connect-src 'self' https: http://127.0.0.1:* http://localhost:*",
    );
  });

  it("Firefox gets a sidebar and a background page, and the same few permissions", () => {
    const manifest = manifestOf(buildExtension("production", "firefox"));
    expect(manifest.sidebar_action).toBeDefined();
    expect(manifest.side_panel).toBeUndefined();
    expect(manifest.background.scripts).toEqual(["background.js"]);
    expect(manifest.permissions).toEqual(["activeTab", "scripting", "contextMenus", "storage", "alarms"]);
    expect(manifest.host_permissions).toBeUndefined();
    expect(manifest.browser_specific_settings).toMatchObject({
      gecko: { id: expect.stringContaining("@"), data_collection_permissions: expect.anything() },
    });
  });
});

type ChromeForTests = {
  permissions: { getAll(): Promise<{ origins: string[] }> };
  tabs: { query(filter: object): Promise<{ id: number; url?: string }[]> };
  scripting: { executeScript(injection: object): Promise<unknown> };
};
