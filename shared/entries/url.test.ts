/** URL entries: one spelling of an address, and how far it reaches. */

import { describe, expect, it } from "vitest";
import { exampleEntry, exampleEntryValue } from "../testing/examples.ts";
import { outcome } from "../testing/refusal.ts";
import { canonicalUrl, checkEntry, formatEntry, naturalKey, parseEntry, urlDigest } from "./index.ts";

const check = (changes: object) => outcome(() => checkEntry("url", exampleEntryValue("url", changes)));

describe("a URL entry", () => {
  it("is an address or its digest, never both or neither", async () => {
    const url_digest = await urlDigest("https://forum.example/t/1042");
    expect(await check({ url: undefined, url_digest })).toBe("ok");
    expect(await check({ url_digest })).toBe("entry_invalid");
    expect(await check({ url: undefined })).toBe("entry_invalid");
    expect(await check({ url: undefined, url_digest: url_digest.toUpperCase() })).toBe("entry_invalid");
    const entry = exampleEntry("url", { url: undefined, url_digest });
    expect(parseEntry("url", formatEntry(entry))).toEqual(entry);
  });

  it.each([
    "https://forum.example/t/1042?page=2&sig=a%2Fb",
    "http://abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion/x",
    "https://xn--bcher-kva.example/",
    "https://cdn.example:8443/a//b",
    "https://[2001:db8::1]/x",
    `https://cdn.example/${"a".repeat(1500)}`,
  ])("takes %s", async (url) => expect(await check({ url })).toBe("ok"));

  it.each([
    "https://FORUM.example/",
    "https://forum.example",
    "https://forum.example:443/",
    "https://forum.example./",
    "https://forum.example/a/../b",
    "https://forum.example/#part",
    "https://user:secret@forum.example/",
    "https://forum.example/ü",
    "https://bücher.example/",
    "https://forum.example/%7eb",
    "https://forum.example/a%2fb",
    "https://forum.example/100%",
    "https://forum.example/b?",
    "ftp://forum.example/",
    "javascript:alert(1)",
    "data:text/plain,hello",
    "//forum.example/",
    "forum.example",
    " https://forum.example/",
    "",
  ])("refuses %j", async (url) => expect(await check({ url })).toBe("url_invalid"));

  it("has no query where its scope is a path, and no path where it is a host", async () => {
    expect(await check({ scope: "path", url: "https://forum.example/t/?a=1" })).toBe("url_invalid");
    expect(await check({ scope: "path", url: "https://forum.example/t/" })).toBe("ok");
    expect(await check({ scope: "host", url: "https://forum.example/t/" })).toBe("url_invalid");
    expect(await check({ scope: "host", url: "https://forum.example/" })).toBe("ok");
  });

  it("that nobody checked asks for no removal", async () => {
    const nominated = { human_review: "required", verification: { level: "nominated", on: "2026-11-22", people: 0 } };
    expect(await check({ ...nominated, requested_action: "block_remove_report" })).toBe("entry_invalid");
    expect(await check({ ...nominated, requested_action: "review" })).toBe("ok");
  });

  it.each([{ role: "mirror" }, { status: "down" }, { scope: "domain" }, { category: "other" }, { note: "x" }])(
    "refuses %j",
    async (changes) => {
      expect(await check(changes)).toBe("entry_invalid");
    },
  );
});

describe("canonicalUrl", () => {
  it.each<[string, "exact" | "path" | "host", string]>([
    ["HTTPS://Forum.Example:443/a/../b?x=1#y", "exact", "https://forum.example/b?x=1"],
    ["https://forum.example./b?x=1", "path", "https://forum.example/b"],
    ["https://bücher.example/b?x=1", "host", "https://xn--bcher-kva.example/"],
    ["https://forum.example/%7eb%2f%c3%bc?a=%5a%", "exact", "https://forum.example/~b%2F%C3%BC?a=Z%25"],
    ["https://forum.example/b?utm_source=x", "exact", "https://forum.example/b?utm_source=x"],
    ["http://forum.example:80/b?", "exact", "http://forum.example/b"],
    ["http://forum.example..:8080/b??", "exact", "http://forum.example:8080/b??"],
  ])("writes %s with scope %s", (text, scope, expected) => {
    expect(canonicalUrl(text, scope)).toBe(expected);
    expect(canonicalUrl(expected, scope)).toBe(expected);
  });

  it.each(["https://user@forum.example/", "mailto:a@b.example", "x", `https://cdn.example/${"a".repeat(2100)}`])(
    "refuses %s",
    async (text) => {
      expect(await outcome(() => canonicalUrl(text, "exact"))).toBe("url_invalid");
    },
  );
});

describe("naturalKey", () => {
  it("is address and scope", () => {
    const key = (changes: object) => naturalKey("url", exampleEntry("url", changes));
    expect(key({ status: "removed" })).toBe(key({}));
    expect(key({ scope: "path" })).not.toBe(key({}));
  });
});
