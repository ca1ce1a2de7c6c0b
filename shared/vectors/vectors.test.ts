/** Every vector in the folders beside this file does what it says it does. */

import { describe, expect, it } from "vitest";
import { PROBLEMS } from "../problem.ts";
import { runVector, type Vector } from "./run.ts";

declare global {
  interface ImportMeta {
    // Vite's: files of a pattern, read at build time, so that this test needs no file system.
    glob<Module>(pattern: string, options: { eager: true; import: "default" }): Record<string, Module>;
  }
}

const FORMATS = [
  "about",
  "assessment",
  "comparison",
  "delta",
  "ed25519",
  "entry",
  "envelope",
  "id",
  "imagery",
  "index",
  "jcs",
  "key",
  "log-bundle",
  "log-checkpoint",
  "log-consistency",
  "log-inclusion",
  "log-note",
  "log-proof",
  "log-tile",
  "log-vkey",
  "manifest",
  "recall",
  "recall-list",
  "receipt",
  "release",
  "report",
  "reported_url",
  "root",
  "segment",
  "state",
  "term_match",
  "url_match",
];
const vectors = Object.entries(import.meta.glob<Vector>("./*/*.json", { eager: true, import: "default" }));

describe("vectors", () => {
  it.each(vectors)("%s", async (_, vector) => {
    const { code, gives } = await runVector(vector);
    expect(code).toBe(vector.expect);
    if (vector.gives !== undefined) expect(gives).toEqual(vector.gives);
  });

  it.each(FORMATS)("of %s hold cases that pass and cases that are refused, each in a folder of its name", (format) => {
    const own = vectors.filter(([, vector]) => vector.format === format);
    expect(own.some(([, vector]) => vector.expect === "ok")).toBe(true);
    expect(own.some(([, vector]) => vector.expect !== "ok")).toBe(true);
    for (const [path] of own) expect(path.startsWith(`./${format}/`)).toBe(true);
  });

  it("expect codes that there are, and have a title", () => {
    for (const [, { expect: code, title }] of vectors) {
      expect(["ok", ...Object.keys(PROBLEMS)]).toContain(code);
      expect(title).toMatch(/\S/);
    }
  });

  it("are the work of the generator, so that none is a leftover", () => {
    expect(vectors.length).toBeGreaterThan(100);
    expect(new Set(vectors.map(([, { format }]) => format))).toEqual(new Set(FORMATS));
  });
});
