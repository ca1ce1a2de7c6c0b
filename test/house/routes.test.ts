import { app } from "@breakwater/exchange/app.ts";
import { describe, expect, it } from "vitest";
import { listFiles, readText } from "./tree.ts";

const BLOCKS = ["happy", "error", "security"] as const;
const TITLE = /^( *)describe(?:\.each\(.*\))?\(\s*["'`](GET|HEAD|POST|PUT|PATCH|DELETE) (\/[^"'`\s]*)/;

/** The same route however its parameters are called: `/v1/sets/:publisher/:set` and `/v1/sets/{p}/{s}` are one. */
function normalise(path: string): string {
  return path.replace(/:[A-Za-z_]+(\{[^}]*\})?\??|\{[^}]+\}/g, "{}").replace(/(.)\/$/, "$1");
}

function listRoutes(): string[] {
  const routes = app.routes.filter(({ method, path }) => method !== "ALL" && !path.endsWith("*"));
  return [...new Set(routes.map(({ method, path }) => `${method} ${normalise(path)}`))].sort();
}

/** Which blocks the tests have for each route, read from the text: a block lasts until its own indentation closes it. */
function listBlocks(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const path of listFiles(/^(exchange|test)\/.*\.test\.ts$/)) {
    const lines = readText(path).split("\n");
    lines.forEach((line, at) => {
      const [, indent, method, route] = TITLE.exec(line) ?? [];
      if (indent === undefined || !route) return;
      const end = lines.findIndex((other, index) => index > at && other.startsWith(`${indent}})`));
      const block = lines.slice(at, end).join("\n");
      const key = `${method} ${normalise(route)}`;
      const blocks = found.get(key) ?? new Set();
      for (const name of BLOCKS)
        if (new RegExp(`describe\\(\\s*["'\`]${name}\\b[\\s\\S]*?\\b(it|test)(\\.each)?\\b`).test(block))
          blocks.add(name);
      found.set(key, blocks);
    });
  }
  return found;
}

describe("every route of the exchange", () => {
  const routes = listRoutes();
  const blocks = listBlocks();

  it("is found", () => {
    expect(routes.length).toBeGreaterThan(30);
  });

  it.each(routes)("%s has a happy, an error and a security block", (route) => {
    expect([...(blocks.get(route) ?? [])].sort()).toEqual([...BLOCKS].sort());
  });
});
