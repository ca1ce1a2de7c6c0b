import { connect } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { testHashEntry } from "../testing/entries.ts";
import { openLooker } from "../testing/match-file.ts";
import { openScene } from "../testing/scene.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

it("matching asks nobody: the exchange is gone, and a file's hashes never leave the machine", async () => {
  const scene = await openScene(3);
  try {
    await scene.sync();
    const asked = scene.double.requests.length;
    await scene.double.close();
    const { hostname, port } = new URL(scene.double.origin);
    await expect(
      new Promise((resolve, reject) => connect(Number(port), hostname).on("connect", resolve).on("error", reject)),
    ).rejects.toThrow();
    const fetched = vi.spyOn(globalThis, "fetch");
    const { value } = testHashEntry(1);
    const matcher = await openLooker(scene.stateDir);
    expect(matcher.look({ sha256: value })).toMatchObject([{ set: "hotline.example/verified" }]);
    expect(fetched).not.toHaveBeenCalled();
    expect(scene.double.requests.length).toBe(asked);
  } finally {
    await scene.close().catch(() => {});
  }
});
