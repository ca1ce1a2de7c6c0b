import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadWorker } from "./workers.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "breakwater-workers-"));
  writeFileSync(join(folder, "worker.ts"), "export default { fetch: (): Response => new Response('here') };\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const HEAD = 'name = "one"\nmain = "worker.ts"\ncompatibility_date = "2026-07-30"\n';

function load(text: string, given = {}) {
  const file = join(folder, "wrangler.toml");
  writeFileSync(file, text);
  return loadWorker(file, { vars: {}, ...given });
}

describe("a Worker's file", () => {
  it("gives the bindings, the crons and one bundled module", async () => {
    const { options, crons } = await load(`${HEAD}
[[r2_buckets]]
binding = "BLOBS"
bucket_name = "blobs"
[[services]]
binding = "SIGNER"
service = "signer"
[triggers]
crons = ["* * * * *"]
[vars]
EXCHANGE_NAME = "One"
`);
    expect(options).toMatchObject({
      name: "one",
      r2Buckets: { BLOBS: "blobs" },
      serviceBindings: { SIGNER: "signer" },
      bindings: { EXCHANGE_NAME: "One" },
    });
    expect(options.modules).toMatchObject([{ type: "ESModule", contents: expect.stringContaining("new Response") }]);
    expect(crons).toEqual(["* * * * *"]);
  });

  it("is overridden by what this machine supplies", async () => {
    const { options } = await load(`${HEAD}[vars]\nEXCHANGE_ORIGIN = "https://one.example"\n`, {
      vars: { EXCHANGE_ORIGIN: "http://127.0.0.1:1" },
    });
    expect(options.bindings).toEqual({ EXCHANGE_ORIGIN: "http://127.0.0.1:1" });
  });

  it("stops the start when it asks for something that this machine does not provide", async () => {
    await expect(load(`${HEAD}[[kv_namespaces]]\nbinding = "CACHE"\nid = "1"\n`)).rejects.toThrow("kv_namespaces");
  });
});
