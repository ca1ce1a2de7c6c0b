/** The vectors in the tree are what their generator makes: nothing edited by hand, nothing left over. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { allVectors, fileText } from "../vectors/generate.ts";
import { VECTOR_FORMATS } from "../vectors/named-vector.ts";

const FOLDER = fileURLToPath(new URL("../../shared/vectors", import.meta.url));

it("a second run of the generator changes nothing (node test/vectors/generate.ts)", async () => {
  const made = new Map(
    (await allVectors()).map((vector) => [`${vector.format}/${vector.name}.json`, fileText(vector)]),
  );
  const held = VECTOR_FORMATS.flatMap((format) => readdirSync(join(FOLDER, format)).map((file) => `${format}/${file}`));
  expect(held.sort()).toEqual([...made.keys()].sort());
  for (const path of held) expect(readFileSync(join(FOLDER, path), "utf8"), path).toBe(made.get(path));
});

it("no two vectors bear one name", async () => {
  const names = (await allVectors()).map(({ format, name }) => `${format}/${name}`);
  expect(new Set(names).size).toBe(names.length);
});
