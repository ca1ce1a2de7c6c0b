import { PROBLEMS } from "@breakwater/shared/problem.ts";
import { describe, expect, it } from "vitest";
import { isTest, listFiles, readText, SOURCE } from "./tree.ts";

const ROW = /^\| `([a-z0-9_]+)` \| (\d{3}) \| (.+?) \| (.+?) \|$/gm;
const rows = [...readText("docs/problems.md").matchAll(ROW)].map(([, code, status, title, advice]) => ({
  code,
  status: Number(status),
  title,
  advice,
}));

describe("the problem table", () => {
  it("is in alphabetical order, so that two people do not add the same code", () => {
    const codes = Object.keys(PROBLEMS);
    expect(codes).toEqual([...codes].sort());
  });

  it("is documented, code by code, in docs/problems.md", () => {
    const documented = rows.map(({ code, status, title }) => ({ code, status, title }));
    const defined = Object.entries(PROBLEMS).map(([code, { status, title }]) => ({ code, status, title }));
    expect(documented).toEqual(defined);
  });

  it("is reached from the README", () => {
    expect(readText("README.md")).toContain("docs/problems.md");
  });

  it("holds every code that is thrown", () => {
    const thrown = listFiles(SOURCE)
      .filter((path) => !isTest(path))
      .flatMap((path) =>
        [...readText(path).matchAll(/new ExchangeError\(\s*"([a-z0-9_]+)"/g)].map(([, code]) => ({
          path,
          code: code as string,
        })),
      );
    expect(thrown.length).toBeGreaterThan(50);
    expect(thrown.filter(({ code }) => !(code in PROBLEMS))).toEqual([]);
  });
});
