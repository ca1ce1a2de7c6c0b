/** The vectors once more in Chromium: what publishes from a console and reports from an extension must agree too. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findChromium } from "../../local/chromium.ts";
import type { Vector } from "../../shared/vectors/run.ts";
import { bundleFor, listDiffering, readVectors, type VectorResult } from "../vectors/files.ts";

const PAGE = `
import { runVector } from "./vectors/run.ts";
globalThis.runVectors = async (vectors) => {
  const results = [];
  for (const vector of vectors) results.push(await runVector(vector));
  return results;
};`;

let server: Server;
let browser: Browser;

beforeAll(async () => {
  // A page of its own on loopback: WebCrypto is there in secure contexts only.
  server = createServer((_, answer) =>
    answer.setHeader("content-type", "text/html").end("<!doctype html><title>Vectors</title>"),
  );
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  browser = await chromium.launch({ executablePath: findChromium(), headless: true, chromiumSandbox: false });
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

it("every vector does in Chromium what it says it does", async () => {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.addScriptTag({ type: "module", content: await bundleFor(PAGE) });
  await page.waitForFunction(() => "runVectors" in globalThis);
  const vectors = readVectors();
  const results = await page.evaluate(
    (given) =>
      (globalThis as unknown as { runVectors: (vectors: Vector[]) => Promise<VectorResult[]> }).runVectors(given),
    vectors.map(({ vector }) => vector),
  );
  expect(vectors.length).toBeGreaterThan(100);
  expect(listDiffering(vectors, results)).toEqual([]);
});
