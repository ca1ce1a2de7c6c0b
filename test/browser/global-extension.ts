// One build of the extension for all the tests that click in it: each of its own would take as long as some of them.
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import type { TestProject } from "vitest/node";
import { buildExtension } from "./extension-browser.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder that Chromium loads. */
    extension: string;
  }
}

export default function setup(project: TestProject): () => void {
  const folder = buildExtension("e2e");
  project.provide("extension", folder);
  return () => rmSync(dirname(folder), { recursive: true, force: true });
}
