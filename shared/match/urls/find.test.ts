import { describe, expect, it } from "vitest";
import { findUrls } from "./find.ts";

const inText = (text: string, max?: number) => findUrls(text, max).urls.map(({ url }) => url);

describe("addresses in a text", () => {
  it.each<[string, string[]]>([
    ["see https://forum.example/t/1.", ["https://forum.example/t/1"]],
    [
      "(https://forum.example/t_(1)) and HTTP://b.example/?x=1, ok",
      ["https://forum.example/t_(1)", "HTTP://b.example/?x=1"],
    ],
    ['<a href="https://forum.example/t">', ["https://forum.example/t"]],
    ["**https://forum.example/t**", ["https://forum.example/t"]],
    ["https://a.example/?to=https://b.example/", ["https://a.example/?to=https://b.example/", "https://b.example/"]],
    ["https://bücher.example/ä…", ["https://bücher.example/ä"]],
    ["http:// and https://.", []],
    ["forum.example/t", []],
  ])("%s", (text, urls) => {
    expect(inText(text)).toEqual(urls);
    for (const { url, start, end } of findUrls(text).urls) expect(text.slice(start, end)).toBe(url);
  });

  it("are counted, and a text with more says so", () => {
    const text = "https://a.example/ ".repeat(20);
    expect(findUrls(text, 20)).toMatchObject({ more: false });
    expect(findUrls(text, 19)).toMatchObject({ more: true });
    expect(inText(text, 19).length).toBe(19);
  });

  it("cost no more than their length, brackets and schemes without end included", () => {
    for (const text of [`https://a.example/${")".repeat(200_000)}`, "https://".repeat(25_000)]) {
      const startedMs = performance.now();
      findUrls(text);
      expect(performance.now() - startedMs).toBeLessThan(5_000);
    }
  });
});
