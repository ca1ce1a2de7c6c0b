/** Our logs before an outside judge: what we publish, prove and sign is what others read. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { base64Of } from "@breakwater/shared/log/base64.ts";
import {
  bundlesToWrite,
  consistencyProof,
  encodeBundle,
  formatProof,
  formatVkey,
  inclusionProof,
  signCheckpoint,
  tilePath,
} from "@breakwater/shared/log/index.ts";
import { growLog, LOG_ORIGIN, logSigner, numberedEntry } from "@breakwater/shared/testing/log.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildJudge, hasGo, type Judge } from "./go-judge.ts";

/** Each log is published at all of its sizes; the last is judged, against those before it. */
const LOGS = [
  [1],
  [1, 2],
  [1, 2, 3, 4, 5, 6, 7, 8, 9],
  [100, 255, 256],
  [255, 257, 1000],
  [256, 512, 65_535, 65_536],
  [3, 4096, 65_537, 69_999, 70_000],
];

const signer = await logSigner();
const vkey = formatVkey(signer.vkey);

describe.skipIf(!hasGo())("Go's sumdb/note and sumdb/tlog", () => {
  let scratch: string;
  let judge: Judge;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "breakwater-judge-"));
    judge = await buildJudge(scratch);
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it.each(LOGS.map((sizes) => ({ sizes })))("accept a log published at $sizes", async ({ sizes }) => {
    const { folder, proofs } = await publish(join(scratch, sizes.join("-")), sizes);
    expect(await judge(folder, vkey, LOG_ORIGIN)).toEqual({
      accepts: true,
      says: `entries ${sizes.at(-1)}, proofs ${proofs}, consistent with ${sizes.length - 1}`,
    });
  });

  describe("refuse a log", () => {
    let folder: string;
    beforeAll(async () => {
      ({ folder } = await publish(join(scratch, "refused"), [200, 300]));
    });

    it.each([
      ["with a changed hash in a tile", "tile/0/001.p/44", "bad math|inconsistent|root|hash"],
      ["with a changed entry", "tile/entries/000", "root from entries|bytes"],
      ["with a changed checkpoint", "checkpoint", "checkpoint|note"],
      ["with a changed proof document", "judge/proof/299", "299"],
      ["with a changed consistency proof", "judge/consistency/200", "consistency with 200"],
      ["with a changed earlier checkpoint", "judge/old/200", "checkpoint|note"],
    ])("%s", async (_, path, says) => {
      const file = join(folder, path);
      const sound = readFileSync(file);
      const changed = Buffer.from(sound);
      const middle = path === "checkpoint" || path.includes("old") ? LOG_ORIGIN.length + 1 : sound.length >> 1;
      // A letter or digit stays one: what is refused is the content, not the spelling.
      changed[middle] = sound[middle] === 0x39 ? 0x38 : 0x39;
      writeFileSync(file, changed);
      const verdict = await judge(folder, vkey, LOG_ORIGIN);
      writeFileSync(file, sound);
      expect(verdict).toEqual({ accepts: false, says: expect.stringMatching(says) });
    });

    it("of another origin, or signed by another key", async () => {
      expect((await judge(folder, vkey, "other.example/log1")).accepts).toBe(false);
      const stranger = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
      expect((await judge(folder, stranger, LOG_ORIGIN)).accepts).toBe(false);
    });
  });
});

/** Write what an exchange would serve after these publications, and what the judge is to judge of it. */
async function publish(folder: string, sizes: readonly number[]): Promise<{ folder: string; proofs: number }> {
  const { tiles, read, checkpoint } = growLog(...sizes);
  const write = (path: string, content: Uint8Array | string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  for (const [path, bytes] of tiles) write(path, bytes);
  for (const [at, size] of sizes.entries()) {
    for (const { index, width } of bundlesToWrite(sizes[at - 1] ?? 0, size)) {
      const entries = Array.from({ length: width }, (_, offset) => numberedEntry(index * 256 + offset));
      write(tilePath("entries", index, width), encodeBundle(entries));
    }
  }
  const note = await signCheckpoint(checkpoint, [signer]);
  write("checkpoint", note);
  for (const old of sizes.slice(0, -1)) {
    write(`judge/old/${old}`, await signCheckpoint(growLog(old).checkpoint, [signer]));
    const hashes = await consistencyProof(read, old, checkpoint.size);
    write(`judge/consistency/${old}`, hashes.map((hash) => `${base64Of(hash)}\n`).join(""));
  }
  const last = checkpoint.size - 1;
  const proven = [...new Set([0, 1, 255, 256, last >> 1, last - 1, last])].filter(
    (index) => index >= 0 && index <= last,
  );
  for (const index of proven) {
    const path = await inclusionProof(read, index, checkpoint.size);
    write(`judge/proof/${index}`, formatProof({ extra: numberedEntry(index), index, path, checkpoint: note }));
  }
  return { folder, proofs: proven.length };
}
