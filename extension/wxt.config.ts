// What the browser is told: permissions, content policy and menus' home, per browser and per mode.
import preact from "@preact/preset-vite";
import { defineConfig } from "wxt";

const GECKO_ID = "panel@breakwater.example";

/** What any build of ours may load or draw: its own scripts and styles, and nothing else. */
const CONTENT_POLICY = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self'",
  "media-src": "'none'",
  "font-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
  "object-src": "'none'",
};

/** A demo on one machine has no certificate: only builds named demo or e2e may speak http, and only to this machine. */
const LOCAL_ORIGINS = "http://127.0.0.1:* http://localhost:*";

export function contentPolicy(mode: string): string {
  const reach = mode === "demo" || mode === "e2e" ? `'self' https: ${LOCAL_ORIGINS}` : "'self' https:";
  return [...Object.entries(CONTENT_POLICY), ["connect-src", reach]]
    .map(([name, value]) => `${name} ${value}`)
    .join("; ");
}

/** This file runs in Node; nothing else here may know of it. */
declare const process: { env: Record<string, string | undefined> };

export default defineConfig({
  imports: false,
  // Two test runs at a time would otherwise pull the build from under each other.
  outDir: process.env.BREAKWATER_EXTENSION_OUT ?? ".output",
  manifestVersion: 3,
  vite: () => ({
    plugins: [preact()],
    build: { modulePreload: { polyfill: false } },
  }),
  manifest: ({ browser, mode }) => ({
    name: mode === "demo" ? "Breakwater (demo)" : "Breakwater",
    description: "Report suspected material to your hotline. Hashes and words only; no picture leaves this browser.",
    // Read on a click and only there: no host permission, no script on any page before a person asks.
    permissions: [
      "activeTab",
      "scripting",
      "contextMenus",
      "storage",
      "alarms",
      ...(browser === "firefox" ? [] : ["sidePanel"]),
    ],
    // The tests click a menu that no person clicked, so nothing grants them activeTab.
    ...(mode === "e2e" ? { host_permissions: ["http://127.0.0.1/*", "http://localhost/*"] } : {}),
    action: { default_title: "Breakwater" },
    commands: {
      "open-panel": { suggested_key: { default: "Alt+Shift+R" }, description: "Open the panel" },
      "flag-page": { suggested_key: { default: "Alt+Shift+F" }, description: "Flag what is selected, or this page" },
      lock: { suggested_key: { default: "Alt+Shift+L" }, description: "Lock" },
    },
    content_security_policy: { extension_pages: contentPolicy(mode) },
    incognito: "spanning",
    minimum_chrome_version: "137",
    ...(browser === "firefox"
      ? {
          browser_specific_settings: {
            gecko: {
              id: GECKO_ID,
              strict_min_version: "142.0",
              data_collection_permissions: { required: ["websiteContent", "browsingActivity"] },
            },
          },
        }
      : {}),
  }),
});
