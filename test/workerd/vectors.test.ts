/** The vectors once more on workerd: its gzip and its Ed25519 must agree with Node's on every one. */

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Vector } from "../../shared/vectors/run.ts";

const SHARED = fileURLToPath(new URL("../../shared", import.meta.url));
// Both belong to the runner; this test borrows them rather than having them twice.
const fromRunner = createRequire(new URL("../../local/package.json", import.meta.url));
const { Miniflare } = fromRunner("miniflare") as typeof import("../../local/node_modules/miniflare");
const { build } = fromRunner("esbuild") as typeof import("../../local/node_modules/esbuild");

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
  const { outputFiles } = await build({
    stdin: { contents: WORKER, resolveDir: SHARED, loader: "ts" },
    bundle: true,
    format: "esm",
    target: "es2024",
    write: false,
  });
  const script = outputFiles[0]?.text as string;
  miniflare = new Miniflare({ modules: true, script, compatibilityDate: "2026-07-30", cf: false });
});

afterAll(() => miniflare?.dispose());

function readVectors(): { name: string; vector: Vector }[] {
  const folder = join(SHARED, "vectors");
  const formats = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return formats.flatMap(({ name: format }) =>
    readdirSync(join(folder, format)).map((file) => ({
      name: `${format}/${file}`,
      vector: JSON.parse(readFileSync(join(folder, format, file), "utf8")) as Vector,
    })),
  );
}

it("every vector does in workerd what it says it does", async () => {
  const vectors = readVectors();
  const body = JSON.stringify(vectors.map(({ vector }) => vector));
  // Miniflare types its fetch by workerd's own Request and Response, which this folder's other types do not know.
  const answer = (await miniflare.dispatchFetch("http://vectors.example/", {
    method: "POST",
    body,
  } as object)) as unknown as Response;
  expect(answer.status).toBe(200);
  const results = (await answer.json()) as { code: string; gives?: unknown }[];
  const differing = vectors.flatMap(({ name, vector }, i) => {
    const result = results[i] as { code: string; gives?: unknown };
    const isSame =
      result.code === vector.expect &&
      (vector.gives === undefined || JSON.stringify(result.gives) === JSON.stringify(vector.gives));
    return isSame ? [] : [`${name}: ${result.code}, expected ${vector.expect}`];
  });
  expect(vectors.length).toBeGreaterThan(100);
  expect(differing).toEqual([]);
});
