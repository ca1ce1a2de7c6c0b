/** Entry bundles: what goes in comes out, and nothing else is taken. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outcome } from "../testing/refusal.ts";
import { decodeBundle, ENTRY_MAX_BYTES, encodeBundle } from "./bundle.ts";

const entries = fc.array(fc.uint8Array({ maxLength: 400 }), { minLength: 1, maxLength: 256 });

describe("a bundle", () => {
  it("gives back its entries, of any length", () => {
    fc.assert(
      fc.property(entries, (given) => {
        expect(decodeBundle(encodeBundle(given), given.length)).toEqual(given);
      }),
      { numRuns: 30 },
    );
    const largest = [new Uint8Array(ENTRY_MAX_BYTES).fill(7), new Uint8Array(), new Uint8Array(256)];
    expect(decodeBundle(encodeBundle(largest), 3)).toEqual(largest);
  });

  it("puts the length before the entry, high byte first", () => {
    expect(encodeBundle([new Uint8Array(258)]).subarray(0, 3)).toEqual(Uint8Array.of(1, 2, 0));
  });

  it("is refused when cut anywhere, longer, or counted otherwise", async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(), async (given, any) => {
        const bytes = encodeBundle(given);
        const cut = bytes.subarray(0, any % bytes.length);
        expect(await outcome(() => decodeBundle(cut, given.length))).toBe("bundle_invalid");
        const longer = Uint8Array.from([...bytes, 0]);
        expect(await outcome(() => decodeBundle(longer, given.length))).toBe("bundle_invalid");
        expect(await outcome(() => decodeBundle(bytes, given.length + 1))).toBe("bundle_invalid");
        expect(await outcome(() => decodeBundle(bytes, given.length - 1))).toBe("bundle_invalid");
      }),
      { numRuns: 30 },
    );
  });

  it("is not made of nothing, of 257 entries, or of an entry that its length cannot say", async () => {
    expect(await outcome(() => encodeBundle([]))).toBe("bundle_invalid");
    expect(await outcome(() => encodeBundle(Array.from({ length: 257 }, () => new Uint8Array(1))))).toBe(
      "bundle_invalid",
    );
    expect(await outcome(() => encodeBundle([new Uint8Array(ENTRY_MAX_BYTES + 1)]))).toBe("bundle_invalid");
  });
});
