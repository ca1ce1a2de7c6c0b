import { parseList } from "@breakwater/client/publish/list.ts";
import { parseAbout } from "@breakwater/shared/about.ts";
import { describe, expect, it } from "vitest";
import { SEED_SETS } from "./seed-data.ts";

describe("the demo's sets", () => {
  it("are one of each kind", () => {
    expect(SEED_SETS.map(({ kind }) => kind).sort()).toEqual(["hash", "indicator", "term", "url"]);
  });

  it.each(SEED_SETS)(
    "$set has a valid description and valid entries, the same each time",
    async ({ kind, about, entries }) => {
      expect(parseAbout(about).kind).toBe(kind);
      const list = entries();
      const bytes = new TextEncoder().encode(list.map((entry) => JSON.stringify(entry)).join("\n"));
      const parsed = await parseList(kind, { format: "ndjson", chunks: [bytes] });
      expect(parsed.faults.shown).toEqual([]);
      expect(parsed.rows).toHaveLength(list.length);
      expect(entries()).toEqual(list);
    },
  );

  it("hold nothing but synthetic values under reserved names", () => {
    const text = JSON.stringify(SEED_SETS.map(({ entries }) => entries()));
    for (const [, host] of text.matchAll(/https?:\/\/([^/"]+)/g)) expect(host).toMatch(/\.example$/);
    for (const [, term] of text.matchAll(/"text":"(test-[^"]+)"/g)) expect(term).toMatch(/^test-term-\d{4}$/);
  });
});
