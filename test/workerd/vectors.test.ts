/** The vectors once more on workerd: its gzip and its Ed25519 must agree with Node's on every one. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { bundleFor, listDiffering, Miniflare, readVectors, type VectorResult } from "../vectors/files.ts";

const WORKER = `
import { runVector } from "./vectors/run.ts";
export default {
  async fetch(request) {
    const results = [];
    for (const vector of await request.json()) results.push(await runVector(vector));
    return Response.json(results);
  },
};`;

let miniflare: InstanceType<typeof Miniflare>;

beforeAll(async () => {
  const script = await bundleFor(WORKER);
  miniflare = new Miniflare({ modules: true, script, compatibilityDate: "2026-07-30", cf: false });
});

afterAll(() => miniflare?.dispose());

it("every vector does in workerd what it says it does", async () => {
  const vectors = readVectors();
  const body = JSON.stringify(vectors.map(({ vector }) => vector));
  // Miniflare types its fetch by workerd's own Request and Response, which this folder's other types do not know.
  const init = { method: "POST", body } as object;
  const answer = (await miniflare.dispatchFetch("http://vectors.example/", init)) as unknown as Response;
  expect(answer.status).toBe(200);
  expect(vectors.length).toBeGreaterThan(100);
  expect(listDiffering(vectors, (await answer.json()) as VectorResult[])).toEqual([]);
});
