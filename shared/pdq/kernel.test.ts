import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { drawRgb, type Generator, lcg, toRgba } from "../../test/drawings/draw.ts";
import { hexOf } from "../bytes.ts";
import { distancePdq } from "../signals/pdq.ts";
import vectors from "../vectors/pdq.json" with { type: "json" };
import { loadKernel } from "../wasm/load.ts";
import { choose, choosePath, isSameSpectrum } from "./choose-path.ts";
import { hashPdq, hashPdqLuma } from "./index.ts";
import { openKernelPath } from "./kernel-path.ts";
import { PDQ_KERNEL } from "./pdq-kernel.ts";
import { LIMITED_RANGE, type Picture, type SpectrumPath } from "./pixels.ts";
import { hashPdq as hashPlainly } from "./plain.ts";
import { plainSpectrum } from "./plain-path.ts";

const kernel = openKernelPath() as SpectrumPath;

/** From flat to noise: runs of one level, whose length the seed tells. */
function draw(width: number, height: number, bytesPerPixel: 1 | 4, seed: number): Picture {
  const next = lcg(seed);
  const run = 1 + (seed % 7) * 40;
  let level = 0;
  const pixels = Uint8Array.from({ length: width * height * bytesPerPixel }, (_, i) => {
    if (i % run === 0) level = next();
    return level;
  });
  return { pixels, bytesPerPixel, width, height, ...(seed % 2 === 0 ? { lumaRange: LIMITED_RANGE } : {}) };
}

describe("the kernel and the plain path give the same bits", () => {
  it.each(vectors)("$generator $params $width x $height", ({ generator, params, width, height, pdq, quality }) => {
    const rgba = toRgba(drawRgb(generator as Generator, params, width, height));
    const picture: Picture = { pixels: rgba, bytesPerPixel: 4, width, height };
    expect(isSameSpectrum(kernel(picture), plainSpectrum(picture))).toBe(true);
    expect(hashPlainly(rgba, width, height)).toEqual(hashPdq(rgba, width, height));
    const { hash, quality: own } = hashPlainly(rgba, width, height);
    expect([hexOf(hash), own]).toEqual([pdq, quality]);
  });

  it("at any size, of colour and of luma", () => {
    const side = fc.oneof(fc.integer({ min: 5, max: 140 }), fc.integer({ min: 120, max: 700 }));
    fc.assert(
      fc.property(side, side, fc.nat(10_000), fc.constantFrom(1, 4), (width, height, seed, bytesPerPixel) => {
        const picture = draw(width, height, bytesPerPixel as 1 | 4, seed);
        expect(isSameSpectrum(kernel(picture), plainSpectrum(picture))).toBe(true);
      }),
      { numRuns: 120 },
    );
  });

  it.each([
    [5, 5],
    [5, 3_000],
    [3_000, 5],
    [64, 64],
    [64, 65],
    [65, 64],
    [128, 129],
    [127, 1_025],
    [1_921, 137],
  ])("at %i x %i", (width, height) => {
    for (const bytesPerPixel of [1, 4] as const) {
      const picture = draw(width, height, bytesPerPixel, width);
      expect(isSameSpectrum(kernel(picture), plainSpectrum(picture))).toBe(true);
    }
  });

  it("a small picture after a large one is not touched by what that left", () => {
    const [large, small] = [draw(900, 700, 4, 1), draw(70, 90, 4, 2)];
    const alone = (openKernelPath() as SpectrumPath)(small);
    kernel(large);
    expect(isSameSpectrum(kernel(small), alone)).toBe(true);
  });
});

it("no pixel stays in the kernel's memory", () => {
  const memories: WebAssembly.Memory[] = [];
  const path = openKernelPath((...from) => {
    const loaded = loadKernel(...from);
    if (loaded) memories.push(loaded.memory);
    return loaded as never;
  }) as SpectrumPath;
  path(draw(600, 400, 4, 5));
  expect(memories.length).toBe(1);
  for (const { buffer } of memories) expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
});

describe("luma", () => {
  it("is hashed as grey pixels are, but for the rounding of their weights", () => {
    const luma = toRgba(drawRgb("rects", [1, 60], 300, 200)).filter((_, i) => i % 4 === 0);
    const grey = new Uint8Array(luma.length * 4).map((_, i) => luma[i >> 2] as number);
    const [own, other] = [hashPdqLuma(luma, 300, 200), hashPdq(grey, 300, 200)];
    expect(hexOf(own.hash)).toBe(hexOf(other.hash));
    expect(own.quality).toBe(other.quality);
  });

  it("of a limited range has the bits and the quality of the picture it was made from", () => {
    const full = toRgba(drawRgb("rects", [1, 8], 300, 200)).filter((_, i) => i % 4 === 0);
    const limited = full.map((level) => 16 + Math.round((level * 219) / 255));
    const [own, other] = [hashPdqLuma(limited, 300, 200, false), hashPdqLuma(full, 300, 200)];
    expect(distancePdq(own.hash, other.hash)).toBeLessThanOrEqual(4);
    expect(Math.abs(own.quality - other.quality)).toBeLessThanOrEqual(1);
    expect(hashPdqLuma(limited, 300, 200).quality).toBeLessThan(other.quality);
  });

  it("of another length than its sides say is refused", () => {
    expect(() => hashPdqLuma(new Uint8Array(99), 10, 10)).toThrow(RangeError);
    expect(() => hashPdqLuma(new Uint8Array(400), 10, 10)).toThrow(RangeError);
  });
});

describe("which path is taken", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("here the kernel, which fits in 6 KiB", () => {
    expect(choosePath().name).toBe("wasm");
    expect((PDQ_KERNEL.length * 3) / 4).toBeLessThanOrEqual(6 * 1024);
  });

  it("not a kernel that is one bit off, in a coefficient or in the quality", () => {
    const off = (change: (spectrum: ReturnType<SpectrumPath>) => void): SpectrumPath => {
      return (picture) => {
        const spectrum = plainSpectrum(picture);
        change(spectrum);
        return spectrum;
      };
    };
    expect(choose(off(() => {})).name).toBe("wasm");
    expect(choose(undefined).name).toBe("plain");
    const lastBit = off(({ coefficients }) => {
      const bits = new Uint32Array(coefficients.buffer);
      bits[255] = (bits[255] as number) ^ 1;
    });
    expect(choose(lastBit).name).toBe("plain");
    expect(
      choose(
        off((spectrum) => {
          spectrum.gradients += 1;
        }),
      ).name,
    ).toBe("plain");
  });

  it.each([
    ["there is no WebAssembly", undefined],
    [
      "a content policy or the platform forbids it",
      {
        Module: class {
          constructor() {
            throw new EvalError("refused");
          }
        },
      },
    ],
  ])("the plain one where %s, with the same hash", async (_, webAssembly) => {
    const rgba = toRgba(drawRgb("value", [24, 16], 130, 70));
    const expected = hashPdq(rgba, 130, 70);
    vi.resetModules();
    vi.stubGlobal("WebAssembly", webAssembly);
    const fresh = await import("./choose-path.ts");
    expect(fresh.choosePath().name).toBe("plain");
    expect((await import("./index.ts")).hashPdq(rgba, 130, 70)).toEqual(expected);
    const { openHammingIndex } = await import("../match/hamming.ts");
    const hashes = new Uint8Array(32 * 60_000);
    const index = openHammingIndex({ hashes });
    expect([index.wasm, index.tier, index.search(hashes.subarray(0, 32), 0).length]).toEqual([false, "multi", 60_000]);
  });

  it("a refusal is asked for once, since a content policy reports each attempt", async () => {
    vi.resetModules();
    const attempts = vi.fn(function Module() {
      throw new EvalError("refused");
    });
    vi.stubGlobal("WebAssembly", { Module: attempts });
    const { hashPdq: hash } = await import("./index.ts");
    const rgba = toRgba(drawRgb("noise", [1], 20, 20));
    for (let i = 0; i < 3; i++) hash(rgba, 20, 20);
    expect(attempts).toHaveBeenCalledTimes(1);
  });
});
