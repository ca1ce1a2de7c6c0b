import { PROBLEMS } from "@breakwater/shared/problem.ts";
import { describe, expect, it } from "vitest";
import { isTest, listFiles, readText } from "./tree.ts";

const PAGE = "docs/threat-model.md";
/** Of the trust chain; those of reporting are counted by letters. */
const THREATS = 23;

/** A threat's heading: its number or letter, and what it is. */
const HEADING = /^### (\d+|[A-Z])\. (.+)$/;
/** `- [client/sync/sync.test.ts](../client/sync/sync.test.ts): "a test's name"; "another one's"` */
const SHOWN = /^- \[([^\]]+)\]\(\.\.\/([^)]+)\): (".+")$/;

type Threat = { key: string; title: string; text: string; shown: { path: string; link: string; names: string[] }[] };

const threats = readText(PAGE)
  .split(/^(?=#{2,3} )/m)
  .flatMap((part): Threat[] => {
    const [first = "", ...lines] = part.split("\n");
    const [, key, title] = HEADING.exec(first) ?? [];
    if (key === undefined || title === undefined) return [];
    const shown = lines.flatMap((line) => {
      const [, path, link, names] = SHOWN.exec(line) ?? [];
      if (path === undefined || link === undefined || names === undefined) return [];
      return [{ path, link, names: names.slice(1, -1).split('"; "') }];
    });
    return [{ key, title, text: lines.join("\n"), shown }];
  });
const said = (text: string) => /\*\*Client says\.\*\* ([^\n]+(?:\n(?!\*\*|\n)[^\n]+)*)/.exec(text)?.[1] ?? "";

describe("the threat model", () => {
  it("has every threat, each once and in order", () => {
    const numbers = threats.map(({ key }) => key).filter((key) => /\d/.test(key));
    expect(numbers).toEqual(Array.from({ length: THREATS }, (_, n) => String(n + 1)));
    const letters = threats.map(({ key }) => key).filter((key) => /[A-Z]/.test(key));
    expect(letters.length).toBeGreaterThan(5);
    expect(letters).toEqual(letters.map((_, n) => String.fromCharCode(65 + n)));
  });

  it.each(threats)("$key, $title: is complete", ({ text, shown }) => {
    for (const part of ["Design", "Client says", "Shown by", "Not covered"]) expect(text).toContain(`**${part}.**`);
    expect(shown.length, "no test shows it").toBeGreaterThan(0);
    // A line that the pattern does not read would pass unchecked.
    expect(shown.length).toBe(text.split("\n").filter((line) => line.startsWith("- ")).length);
  });

  it.each(threats)("$key, $title: is shown by tests that exist", ({ shown }) => {
    const tests = new Set(listFiles(/\.test\.tsx?$/).filter(isTest));
    for (const { path, link, names } of shown) {
      expect(link).toBe(path);
      expect(tests, path).toContain(path);
      const text = readText(path);
      for (const name of names) expect(isNameOfTest(text, name), `${path} has no test "${name}"`).toBe(true);
    }
  });

  it.each(threats)("$key, $title: names codes that are thrown", ({ text }) => {
    const codes = [...said(text).matchAll(/`([a-z0-9_]+)`/g)].map(([, code]) => code as string);
    for (const code of codes) expect(Object.keys(PROBLEMS)).toContain(code);
    const silent = /^Nothing/.test(said(text));
    expect(codes.length > 0 || silent, "neither a code nor why there is none").toBe(true);
  });

  it("is reached from the README and from the protocol", () => {
    expect(readText("README.md")).toContain("docs/threat-model.md");
    expect(readText("docs/protocol.md")).toContain("threat-model.md");
  });
});

/** As the whole first argument of `it`, also behind `each`: a part of another test's name is no test. */
function isNameOfTest(text: string, name: string): boolean {
  const spelled = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?:\\bit(?:\\.\\w+)?\\(|\\)\\()\\s*"${spelled}",`).test(text);
}
