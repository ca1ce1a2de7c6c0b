import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexOf, utf8Of } from "../../bytes.ts";
import { canonicalUrl, PATH_SCOPE_MAX_DEPTH, urlDigest } from "../../entries/url.ts";
import { outcome } from "../../testing/refusal.ts";
import type { UrlScope } from "../../vocab/urls.ts";
import { urlKeyOf, urlKeys, urlKeysOfEach } from "./keys.ts";
import { URL_TEXT_MAX_CHARS } from "./spelling.ts";

/** Whether a visit is found under an entry, as an index finds it: by key alone. */
async function isFound(visited: string, scope: UrlScope, listed: string): Promise<boolean> {
  const url = canonicalUrl(listed, scope);
  const inClear = hexOf(urlKeyOf({ scope, url }));
  const asDigest = hexOf(urlKeyOf({ scope, url_digest: await urlDigest(url) }));
  expect(asDigest).toBe(inClear);
  return urlKeys(visited).candidates.some(({ key }) => hexOf(key) === inClear);
}

describe("an address", () => {
  it.each<[string, UrlScope, string, boolean]>([
    ["https://Forum.example:443/t/%7e1042?a=%2f#x", "exact", "https://forum.example/t/~1042?a=%2F", true],
    ["http://forum.example/t/1", "exact", "https://forum.example/t/1", true],
    ["https://forum.example./t/1?", "exact", "https://forum.example/t/1", true],
    ["https://someone:x@forum.example/t/1", "exact", "https://forum.example/t/1", true],
    ["https://bücher.example/", "exact", "https://xn--bcher-kva.example/", true],
    ["https://forum.example/t/1?utm_source=x", "exact", "https://forum.example/t/1", false],
    ["https://forum.example/t/1/", "exact", "https://forum.example/t/1", false],
    ["https://forum.example:8443/t/1", "exact", "https://forum.example/t/1", false],
    ["https://forum.example/t/1", "exact", "https://forum.example/T/1", false],
    ["https://forum.example/a/b/c?x=1", "path", "https://forum.example/a/b", true],
    ["https://forum.example/a/b/c?x=1", "path", "https://forum.example/a/b/", true],
    ["https://forum.example/a/b/c?x=1", "path", "https://forum.example/a/b/c", true],
    ["https://forum.example/a/b/c?x=1", "path", "https://forum.example/", true],
    ["https://forum.example/a/bc", "path", "https://forum.example/a/b", false],
    ["https://forum.example/a/b", "path", "https://forum.example/a/b/", false],
    ["https://sub.forum.example/a/b", "path", "https://forum.example/a", false],
    ["https://a.b.forum.example/x", "host", "https://forum.example/", true],
    ["https://a.b.forum.example/x", "host", "https://b.forum.example/", true],
    ["http://forum.example:8080/x", "host", "https://forum.example/", true],
    ["http://forum.example:8080/x", "host", "http://forum.example:8080/", true],
    ["http://forum.example/x", "host", "http://forum.example:8080/", false],
    ["https://notforum.example/x", "host", "https://forum.example/", false],
    ["https://forum.example/x", "host", "https://b.forum.example/", false],
    ["https://someone.github.io/x", "host", "https://github.io/", false],
    ["http://192.0.2.7/x", "host", "http://192.0.2.7/", true],
    ["http://0xC0.0.2.7/x", "host", "http://192.0.2.7/", true],
    ["http://[2001:db8::1]/x", "host", "http://[2001:DB8:0::1]/", true],
    [
      "http://www.abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion/x",
      "host",
      "http://abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion/",
      true,
    ],
  ])("%s is looked up with scope %s under %s: %s", async (visited, scope, listed, expected) => {
    expect(await isFound(visited, scope, listed)).toBe(expected);
  });

  it("is never found as a page because its host is listed as one", async () => {
    expect(await isFound("https://forum.example/t/1", "exact", "https://forum.example/")).toBe(false);
  });

  it("says what it left out, and that it was met with the other scheme", () => {
    const { candidates, ignored } = urlKeys("https://someone@forum.example/t");
    expect(ignored).toEqual(["credentials"]);
    expect(candidates[0]).toMatchObject({ scope: "exact", canonical: "https://forum.example/t", scheme: "same" });
    expect(candidates[1]).toMatchObject({ scope: "exact", canonical: "http://forum.example/t", scheme: "other" });
  });

  it("of 64 kB still has its paths and its host, and costs no more for being long", async () => {
    for (const tail of ["?x=".padEnd(60_000, "y"), "/a".repeat(30_000), "/".repeat(60_000), "%%".repeat(30_000)]) {
      const long = `https://sub.forum.example/t/1${tail}`;
      const { candidates, ignored } = urlKeys(long);
      expect(ignored).toEqual(["exact_too_long"]);
      expect(candidates.length).toBeLessThan(200);
      expect(await isFound(long, "host", "https://forum.example/")).toBe(true);
      expect(await isFound(long, "path", "https://sub.forum.example/t")).toBe(true);
    }
    expect(await outcome(() => urlKeys(`https://forum.example/${"a".repeat(URL_TEXT_MAX_CHARS)}`))).toBe("url_invalid");
  });

  it("is looked up as deep as a path can be listed", async () => {
    const deepest = `https://forum.example/${Array.from({ length: PATH_SCOPE_MAX_DEPTH }, (_, at) => at).join("/")}`;
    expect(await isFound(`${deepest}/x/y?z`, "path", deepest)).toBe(true);
    expect(await isFound(`${deepest}/x/y?z`, "path", `${deepest}/`)).toBe(true);
    expect(await outcome(() => canonicalUrl(`${deepest}/x`, "path"))).toBe("url_invalid");
    expect(await outcome(() => canonicalUrl(`${deepest}/x`, "exact"))).toBe("ok");
  });
});

describe("a batch", () => {
  it("answers each address by itself, with a code for what cannot be read", () => {
    const texts = [
      "https://forum.example/",
      "ftp://forum.example/",
      "forum",
      "https://./",
      "javascript:1",
      "https://",
      "\ud800",
    ];
    const reasons = urlKeysOfEach([...texts, `https://x.example/${"x".repeat(70_000)}`]).map((answer) =>
      "problem" in answer ? `${answer.problem.code} ${answer.problem.reason}` : answer.candidates.length > 0,
    );
    expect(reasons).toEqual([
      true,
      "url_invalid scheme",
      "url_invalid form",
      "url_invalid host",
      "url_invalid scheme",
      "url_invalid form",
      "url_invalid form",
      "url_invalid length",
    ]);
  });

  it("never throws, whatever the texts are", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("https://", "a.example", "/", "%", "..", "@", ":", "?", "#", "[", "xn--"),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        for (const text of [parts.join(""), `https://${parts.join("")}`]) expect(urlKeysOfEach([text]).length).toBe(1);
      }),
    );
  });
});

describe("the canonical form", () => {
  it("is its own canonical form, and is looked up under itself", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constantFrom("%", "%%34", "%2", "%41", "%2f", "/", "//", "/../", "?", "%25"),
    );
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 6 }),
        fc.constantFrom<UrlScope>("exact", "path", "host"),
        (parts, scope) => {
          let canonical: string;
          try {
            canonical = canonicalUrl(`https://forum.example/${parts.join("")}`, scope);
          } catch {
            return;
          }
          expect(canonicalUrl(canonical, scope)).toBe(canonical);
          const keys = urlKeys(`https://forum.example/${parts.join("")}`).candidates.map(({ key }) => hexOf(key));
          expect(keys).toContain(hexOf(urlKeyOf({ scope, url: canonical })));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("takes another SHA-256 of the same bytes", () => {
    const seen: string[] = [];
    urlKeys("https://forum.example/", (bytes) => {
      seen.push(new TextDecoder().decode(bytes));
      return utf8Of("0".repeat(32));
    });
    expect(seen[0]).toBe("https://forum.example/");
    expect(seen[1]).toMatch(/^exact\nsha256:[0-9a-f]{64}$/);
  });
});
