/** The kernels' bytes in the tree are what their sources make: nobody has to trust bytes that cannot be read. */
import { expect, it } from "vitest";
import { kernelFiles } from "../kernels/generate.ts";
import { listFiles, readText } from "./tree.ts";

it("a second run of the generator changes nothing (node test/kernels/generate.ts)", () => {
  const files = kernelFiles();
  for (const { path, text } of files) expect(readText(path), path).toBe(text);
  const held = listFiles(/^shared\/.*\.source\.ts$/).map((path) => path.replace(".source.ts", ".ts"));
  expect(files.map(({ path }) => path).sort()).toEqual(held.sort());
});
