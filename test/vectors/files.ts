/** The vectors as they lie in the tree, and a bundle that runs them elsewhere. */

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Vector } from "../../shared/vectors/run.ts";

const SHARED = fileURLToPath(new URL("../../shared", import.meta.url));
// Both belong to the runner; tests borrow them rather than having them twice.
const fromRunner = createRequire(new URL("../../local/package.json", import.meta.url));
export const { Miniflare } = fromRunner("miniflare") as typeof import("../../local/node_modules/miniflare");
const { build } = fromRunner("esbuild") as typeof import("../../local/node_modules/esbuild");

export type VectorFile = { name: string; vector: Vector };
export type VectorResult = { code: string; gives?: unknown };

export function readVectors(): VectorFile[] {
  const folder = join(SHARED, "vectors");
  const formats = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return formats.flatMap(({ name: format }) =>
    readdirSync(join(folder, format)).map((file) => ({
      name: `${format}/${file}`,
      vector: JSON.parse(readFileSync(join(folder, format, file), "utf8")) as Vector,
    })),
  );
}

/** @param source - a module beside `shared/`'s own, so `./vectors/run.ts` is the runner of one vector */
export async function bundleFor(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: SHARED, loader: "ts" },
    bundle: true,
    format: "esm",
    target: "es2024",
    write: false,
  });
  return outputFiles[0]?.text as string;
}

/** The vectors that did not do what they say, in words. */
export function listDiffering(vectors: readonly VectorFile[], results: readonly VectorResult[]): string[] {
  return vectors.flatMap(({ name, vector }, i) => {
    const result = results[i] as VectorResult;
    const isSame =
      result.code === vector.expect &&
      (vector.gives === undefined || JSON.stringify(result.gives) === JSON.stringify(vector.gives));
    return isSame ? [] : [`${name}: ${result.code}, expected ${vector.expect}`];
  });
}
