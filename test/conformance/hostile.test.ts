/** A publisher and an exchange that lie together, properly signed, before the second verifier: only the rules are left to see it. */

import { TEST_API_KEY } from "@breakwater/client/testing/double-exchange.ts";
import { rootOf } from "@breakwater/client/testing/double-publisher.ts";
import { testHashEntry, testId } from "@breakwater/client/testing/entries.ts";
import { openScene, type Scene } from "@breakwater/client/testing/scene.ts";
import { generateSigningKey } from "@breakwater/shared/keys.ts";
import {
  buildTiles,
  formatProof,
  inclusionProof,
  leafHash,
  tilePath,
  tileReader,
} from "@breakwater/shared/log/index.ts";
import { openRoot, type Root, signRoot } from "@breakwater/shared/root.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasPython, verifySet } from "./python-verifier.ts";
import { openRelay, type Relay } from "./relay.ts";

const NO_DIGEST = `sha256:${"0".repeat(64)}` as const;

describe.skipIf(!hasPython())("a verifier written from docs/protocol.md, before those who lie and sign", () => {
  let scene: Scene;
  let relay: Relay;

  beforeEach(async () => {
    scene = await openScene(3);
    relay = await openRelay(scene.double.origin);
    relay.bend = (path) => (path.endsWith("/proof") ? proofOfHead() : undefined);
  });
  afterEach(async () => {
    await relay.close();
    await scene.close();
  });

  const log = () => scene.double.store.log;
  const set = () => scene.double.store.getSet(scene.publisher.setId);
  const release = (n: number, options?: Parameters<Scene["publisher"]["release"]>[1]) =>
    scene.publisher.release(scene.publisher.put(testHashEntry(n)), options);

  async function proofOfHead(): Promise<Uint8Array> {
    const head = set().releases.at(-1);
    const [index, leaves] = [head?.logIndex ?? 0, log().leaves];
    const tiles = new Map(buildTiles(0, [], leaves.map(leafHash)).map(({ path, bytes }) => [path, bytes]));
    const read = tileReader(leaves.length, async (tile) => {
      return tiles.get(tilePath(tile.level, tile.index, tile.width)) as Uint8Array;
    });
    const path = await inclusionProof(read, index, leaves.length);
    const checkpoint = await log().sign(leaves);
    return new TextEncoder().encode(formatProof({ extra: leaves[index] as Uint8Array, index, path, checkpoint }));
  }

  async function verdict(): Promise<string> {
    const { origin, vkey } = log().info(scene.double.origin);
    const { accepts, says } = await verifySet({
      exchange: relay.url,
      apiKey: TEST_API_KEY,
      set: "hotline.example/verified",
      pin: scene.publisher.pin,
      log: { url: `${relay.url}/log`, origin, vkey },
    });
    return accepts ? says : (says.split(" ")[1] as string);
  }

  async function rotate(changes: Partial<Root> = {}) {
    const { rootKey, root } = scene.publisher;
    const fresh = await generateSigningKey({ extractable: true });
    const next = rootOf("hotline.example", rootKey, fresh, { version: 2, prev: root.digest, ...changes });
    return { bytes: await signRoot(next, [rootKey]), fresh };
  }

  it("takes what is honest", async () => {
    await release(9);
    expect(await verdict()).toContain("2 in the order of the log, 2 the newest");
  });

  it("counts the entries: a tombstone that the publisher dropped", async () => {
    await scene.publisher.release(
      scene.publisher.put(...Array.from({ length: 400 }, (_, n) => testHashEntry(100 + n))),
    );
    await scene.publisher.release([{ op: "del", id: testId(0), why: "withdrawn" }], { hideDeletions: true });
    expect(await verdict()).toBe("state_count");
  });

  it("computes the state: another one than was signed", async () => {
    await release(9, {
      purpose: "recovery",
      bend: (manifest) => ({ ...manifest, snapshot: { ...manifest.snapshot, state: NO_DIGEST } }),
    });
    expect(await verdict()).toBe("state_digest");
  });

  it("wants a manifest of this very release", async () => {
    await release(9, { bend: (manifest) => ({ ...manifest, set: "other" as typeof manifest.set }) });
    expect(await verdict()).toBe("manifest_mismatch");
  });

  it("passes over junk, so that nobody freezes a set with it", async () => {
    log().append(new TextEncoder().encode("junk"));
    log().append(new Uint8Array());
    const stranger = await generateSigningKey({ extractable: true });
    const { rootKey, releaseKey, root } = scene.publisher;
    const forged = rootOf("hotline.example", stranger, releaseKey, { version: 2, prev: root.digest });
    log().append(await signRoot(forged, [stranger]));
    await release(9);
    expect(rootKey.kid).not.toBe(stranger.kid);
    expect(await verdict()).toContain("2 the newest, at index 5; ignored 1 signature_threshold");
  });

  it("judges by log order: a thief's release after the root that drops the key does not count, and recovery goes on", async () => {
    const thief = await release(66);
    const { bytes, fresh } = await rotate();
    await scene.double.store.postRoot("hotline.example", bytes);
    await release(67); // by the stolen key, dated as it likes
    set().releases.pop();
    for (const n of [66, 67]) scene.publisher.entries.delete(testId(n));
    const root = await openRoot(bytes, scene.publisher.root);
    const recovered = await scene.publisher.release([], { purpose: "recovery", root, key: fresh });
    expect(recovered.statement.prev).toBe(thief.digest);
    expect(await verdict()).toContain("3 in the order of the log, 3 the newest, at index 5; ignored 1 release_root");
  });

  it("holds two releases of one number", async () => {
    const first = set().releases[0];
    await release(8);
    await release(9, first === undefined ? {} : { after: first });
    expect(await verdict()).toBe("release_fork");
  });

  it.each<[what: string, code: string, changes: () => Partial<Root>]>([
    ["a version left out", "root_gap", () => ({ version: 3 })],
    ["another predecessor", "root_chain", () => ({ prev: NO_DIGEST as Root["prev"] })],
    ["another home log", "root_log", () => ({ logs: ["other.example/log1"] as unknown as Root["logs"] })],
  ])("holds a properly signed root: %s", async (_what, code, changes) => {
    log().append((await rotate(changes())).bytes);
    expect(await verdict()).toBe(code);
  });

  it("holds two roots of one version, though the newer one's keys have nothing to do with it", async () => {
    await scene.double.store.postRoot("hotline.example", (await rotate()).bytes);
    log().append((await rotate()).bytes);
    expect(await verdict()).toBe("root_fork");
  });

  it("does not take a head that is not in the log", async () => {
    scene.double.store.logs = false;
    await release(9);
    expect(await verdict()).toBe("not_logged");
  });
});
