/** On workerd, which makes no code at run time, the plain paths hash and find what the kernels do elsewhere. */
import { hexOf } from "@breakwater/shared/bytes.ts";
import { openHammingIndex } from "@breakwater/shared/match/hamming.ts";
import { hashPdq } from "@breakwater/shared/pdq/index.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { drawRgb, toRgba } from "../drawings/draw.ts";
import { bundleFor, Miniflare } from "../vectors/files.ts";

const [WIDTH, HEIGHT, HASHES] = [130, 70, 60_000];

const WORKER = `
import { hexOf } from "./bytes.ts";
import { openHammingIndex } from "./match/hamming.ts";
import { choosePath } from "./pdq/choose-path.ts";
import { hashPdq } from "./pdq/index.ts";
export default {
  async fetch(request) {
    const { hash, quality } = hashPdq(new Uint8Array(await request.arrayBuffer()), ${WIDTH}, ${HEIGHT});
    const hashes = new Uint8Array(${HASHES} * 32);
    hashes.set(hash, 32 * 777);
    const index = openHammingIndex({ hashes, wasm: true });
    return Response.json({
      path: choosePath().name, wasm: index.wasm, tier: index.tier, hash: hexOf(hash), quality, found: index.search(hash, 31),
    });
  },
};`;

let miniflare: InstanceType<typeof Miniflare>;

beforeAll(async () => {
  const script = await bundleFor(WORKER);
  miniflare = new Miniflare({ modules: true, script, compatibilityDate: "2026-07-30", cf: false });
});

afterAll(() => miniflare?.dispose());

it("gives the same hash and the same hits without a kernel", async () => {
  const rgba = toRgba(drawRgb("value", [24, 16], WIDTH, HEIGHT));
  const { hash, quality } = hashPdq(rgba, WIDTH, HEIGHT);
  const hashes = new Uint8Array(HASHES * 32);
  hashes.set(hash, 32 * 777);
  const here = openHammingIndex({ hashes, wasm: true });
  expect(here.wasm).toBe(true);
  const init = { method: "POST", body: rgba } as object;
  const answer = (await miniflare.dispatchFetch("http://kernels.example/", init)) as unknown as Response;
  expect(await answer.json()).toEqual({
    path: "plain",
    wasm: false,
    tier: "multi",
    hash: hexOf(hash),
    quality,
    found: here.search(hash, 31),
  });
});
