/** The state digest: the same whoever computes it, in whatever parts. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes, digestOf, parseHex, sha256, utf8Of } from "./bytes.ts";
import { formatEntry } from "./entries/index.ts";
import { createStateDigest, entryIdOf, stateDigest, stateDigestOfBuckets } from "./state.ts";
import { numberedHashEntry } from "./testing/examples.ts";
import { outcome } from "./testing/refusal.ts";

const lines = Array.from({ length: 2000 }, (_, i) => formatEntry(numberedHashEntry(i))).sort((a, b) =>
  entryIdOf(a) < entryIdOf(b) ? -1 : 1,
);

/** Straight from the text of the rule, with nothing of the implementation. */
async function byTheRule(sorted: readonly string[]): Promise<string> {
  const digests: Bytes[] = [];
  for (let byte = 0; byte < 256; byte++) {
    const mine = sorted.filter((line) => parseHex(JSON.parse(line).id)[0] === byte);
    digests.push(await sha256(utf8Of(mine.map((line) => `${line}\n`).join(""))));
  }
  return digestOf(concatBytes(digests));
}

describe("stateDigest", () => {
  it("is SHA-256 over 256 bucket digests, an empty bucket being the digest of nothing", async () => {
    expect(await stateDigest(lines)).toBe(await byTheRule(lines));
    expect(await stateDigest([])).toBe(await byTheRule([]));
    await fc.assert(
      fc.asyncProperty(
        fc.subarray(lines, { maxLength: 40 }),
        async (some) => (await stateDigest(some)) === (await byTheRule(some)),
      ),
      { numRuns: 20 },
    );
  });

  it("changes with any line left out, changed or added", async () => {
    const whole = await stateDigest(lines);
    expect(await stateDigest(lines.slice(1))).not.toBe(whole);
    expect(
      await stateDigest(lines.map((line, i) => (i === 77 ? line.replace('"review"', '"observe"') : line))),
    ).not.toBe(whole);
  });

  it("refuses lines that are not sorted, or an id twice", async () => {
    expect(await outcome(() => stateDigest([lines[1], lines[0]] as string[]))).toBe("segment_order");
    expect(await outcome(() => stateDigest([lines[0], lines[0]] as string[]))).toBe("segment_order");
  });

  it("can be put together from buckets that were computed apart", async () => {
    const empty = await sha256(new Uint8Array(0));
    expect(await stateDigestOfBuckets(new Array(256).fill(empty))).toBe(await stateDigest([]));
    expect(await outcome(() => stateDigestOfBuckets(new Array(255).fill(empty)))).toBe("state_digest");
  });

  it("counts what it was given", () => {
    const state = createStateDigest();
    for (const line of lines) state.add(line);
    expect(state.count()).toBe(lines.length);
  });
});

describe("entryIdOf", () => {
  it("finds the id of every entry by position", () => {
    for (const line of lines) expect(entryIdOf(line)).toBe(JSON.parse(line).id);
  });

  it("is not misled by text that looks like a member", () => {
    const id = "c".repeat(32);
    const text = `x","id":"${"a".repeat(32)}"`;
    const line = JSON.stringify({ benign: [text, '"id":"', `\\","id":"${"b".repeat(32)}`], id, title: text });
    expect(entryIdOf(line)).toBe(id);
  });

  it("is not misled by any text", () => {
    const tricky = fc
      .array(fc.constantFrom('"', "\\", "id", ":", ",", "{", "}", "a".repeat(32)), { maxLength: 12 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(tricky, (text) => entryIdOf(JSON.stringify({ a: text, id: "c".repeat(32) })) === "c".repeat(32)),
    );
  });

  it.each(["{}", '{"id":"abc"}', `{"id":"${"A".repeat(32)}"}`, `{"id":"${"a".repeat(33)}"}`, ""])(
    "refuses %j",
    async (line) => {
      expect(await outcome(() => entryIdOf(line))).toBe("segment_line");
    },
  );
});
