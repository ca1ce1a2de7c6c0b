// What a report says about the program that made it: names and families, nothing that tells one person from another.
import type { Report } from "@breakwater/shared/report.ts";
import { browser } from "wxt/browser";

function browserFamily(agent: string): string {
  return /Firefox\//.test(agent) ? "firefox" : "chromium";
}

function osFamily(agent: string): string {
  const known = [/Windows/, /Mac OS/, /CrOS/, /Android/, /Linux/];
  const names = ["windows", "macos", "chromeos", "android", "linux"];
  return names[known.findIndex((pattern) => pattern.test(agent))] ?? "other";
}

export const CLIENT_NAME = "breakwater-panel";
export const CLIENT: Report["client"] = {
  name: CLIENT_NAME,
  version: browser.runtime.getManifest().version,
  browser_family: browserFamily(navigator.userAgent),
  os_family: osFamily(navigator.userAgent),
};
