import { utf8Of } from "@breakwater/shared/bytes.ts";
import {
  appendLeaves,
  buildTiles,
  consistencyProof,
  EMPTY_FRONTIER,
  EMPTY_ROOT,
  leafHash,
  openCheckpoint,
  parseVkey,
  rootOf,
  tilePath,
  tileReader,
} from "@breakwater/shared/log/index.ts";
import { beforeEach, describe, expect, it } from "vitest";
import type { LogSigner } from "../platform/log-signer.ts";
import { openMemoryState, type SignerState } from "../signer/state.ts";
import { openLogSignerCore } from "./core.ts";

const SECRET = "test-only-".repeat(8);
const ORIGIN = "exchange.example/log1";
const LEAVES = Array.from({ length: 300 }, (_, at) => leafHash(utf8Of(`leaf ${at}`)));

const headOf = (size: number, leaves = LEAVES) => ({
  size,
  root: rootOf(appendLeaves(EMPTY_FRONTIER, leaves.slice(0, size))),
});

async function proofOf(from: number, to: number, leaves = LEAVES): Promise<Uint8Array[]> {
  const tiles = new Map(buildTiles(0, [], leaves.slice(0, to)).map(({ path, bytes }) => [path, bytes]));
  const read = tileReader(
    to,
    async ({ level, index, width }) => tiles.get(tilePath(level, index, width)) as Uint8Array,
  );
  return consistencyProof(read, from, to);
}

let state: SignerState;
let signer: LogSigner;
beforeEach(async () => {
  state = openMemoryState();
  signer = await openLogSignerCore({ state, secret: SECRET });
});

/** Signs the tree of that size, as if `from` had been the last. */
async function sign(size: number, from = 0, leaves = LEAVES): Promise<string> {
  return signer.signCheckpoint({ origin: ORIGIN, ...headOf(size, leaves), proof: await proofOf(from, size, leaves) });
}

describe("the log's key", () => {
  it("is made once for each log, and survives a restart", async () => {
    const made = await Promise.all(Array.from({ length: 4 }, () => signer.vkey(ORIGIN)));
    const later = await openLogSignerCore({ state, secret: SECRET });
    expect(new Set([...made, await later.vkey(ORIGIN)]).size).toBe(1);
    expect(parseVkey(made[0] as string)).toMatchObject({ name: ORIGIN, type: 1 });
    expect(await signer.vkey("exchange.example/log2")).not.toContain(made[0]?.split("+")[2]);
  });

  it("is not replaced when the secret is another one", async () => {
    await signer.vkey(ORIGIN);
    const other = await openLogSignerCore({ state, secret: "another-secret".repeat(4) });
    await expect(other.vkey(ORIGIN)).rejects.toMatchObject({ code: "signer_unavailable" });
  });

  it.each(["", "https://exchange.example/log1", "exchange.example", "exchange.example/../log1", "a b/log1", 7])(
    "is none for %j, which names no log",
    async (origin) => {
      for (const call of [() => signer.vkey(origin as string), () => signer.head(origin as string)]) {
        await expect(call()).rejects.toMatchObject({ code: "signer_refused" });
      }
    },
  );
});

describe("what the log signer signs", () => {
  it("is a checkpoint that verifies, first of the empty tree and then of ever larger ones", async () => {
    const log = { origin: ORIGIN, vkey: parseVkey(await signer.vkey(ORIGIN)) };
    let last = 0;
    for (const size of [0, 1, 2, 3, 7, 256, 257, 300]) {
      const note = await sign(size, last);
      expect((await openCheckpoint(note, log)).checkpoint).toEqual({ origin: ORIGIN, ...headOf(size) });
      expect(await signer.head(ORIGIN)).toEqual(headOf(size));
      last = size;
    }
  });

  it("may be the same tree again, byte for byte, also after a restart", async () => {
    const note = await sign(5);
    signer = await openLogSignerCore({ state, secret: SECRET });
    expect(await sign(5, 5)).toBe(note);
  });

  it("may begin at any size: the publication before it may have been the first", async () => {
    expect(await signer.head(ORIGIN)).toBeUndefined();
    await expect(sign(100)).resolves.toContain("\n100\n");
  });

  it("of each log is by itself", async () => {
    await sign(5);
    const other = { origin: "exchange.example/log2", ...headOf(3), proof: [] };
    await expect(signer.signCheckpoint(other)).resolves.toContain("exchange.example/log2\n3\n");
  });
});

describe("what the log signer refuses", () => {
  const others = LEAVES.map((leaf, at) => (at === 2 ? leafHash(utf8Of("other")) : leaf));

  async function expectRefused(asked: Promise<string>, reason: string): Promise<void> {
    const before = await signer.head(ORIGIN);
    await expect(asked).rejects.toMatchObject({ code: "signer_refused", detail: { reason } });
    expect(await signer.head(ORIGIN)).toEqual(before);
  }

  it.each([0, 1, 6])("is a smaller tree, of %i leaves after 7, also after a restart", async (size) => {
    await sign(7);
    signer = await openLogSignerCore({ state, secret: SECRET });
    await expectRefused(sign(size), "smaller");
  });

  it("is another tree of the same size", async () => {
    await sign(7);
    await expectRefused(sign(7, 7, others), "another root");
    await expectRefused(sign(7, 3, others), "another root");
  });

  it("is a larger tree that does not begin with the last", async () => {
    await sign(7);
    await expectRefused(sign(9, 7, others), "another history");
    await expectRefused(signer.signCheckpoint({ origin: ORIGIN, ...headOf(9), proof: [] }), "another history");
    await expectRefused(sign(9, 6), "another history");
    const proof = (await proofOf(7, 9)).map((hash, at) => (at === 0 ? hash.map((byte) => byte ^ 1) : hash));
    await expectRefused(signer.signCheckpoint({ origin: ORIGIN, ...headOf(9), proof }), "another history");
    await expect(sign(9, 7)).resolves.toContain("\n9\n");
  });

  it("of two trees of one size at once is one", async () => {
    const tries = await Promise.allSettled([sign(7), sign(7, 0, others), sign(7), sign(7, 0, others)]);
    const notes = tries.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(notes).toHaveLength(2);
    expect(new Set(notes).size).toBe(1);
  });

  it("is an empty tree with leaves in it, which is not remembered either", async () => {
    await expectRefused(signer.signCheckpoint({ origin: ORIGIN, size: 0, root: headOf(1).root, proof: [] }), "empty");
    await expect(signer.signCheckpoint({ origin: ORIGIN, size: 0, root: EMPTY_ROOT, proof: [] })).resolves.toContain(
      "\n0\n",
    );
  });

  const odd: [string, object][] = [
    ["no root", { root: undefined }],
    ["a root of another length", { root: new Uint8Array(31) }],
    ["a size that is no count", { size: -1 }],
    ["a fraction", { size: 1.5 }],
    ["an origin that is a line more", { origin: "exchange.example/log1\n9" }],
    ["a proof that is none", { proof: [new Uint8Array(33)] }],
    ["an endless proof", { proof: Array.from({ length: 100 }, () => new Uint8Array(32)) }],
    ["an unknown member", { extension: "test" }],
  ];
  it.each(odd)("is a request with %s", async (_, change) => {
    await expectRefused(signer.signCheckpoint({ origin: ORIGIN, ...headOf(3), proof: [], ...change }), "request");
  });

  it("is everything, when what it signed last cannot be read", async () => {
    await state.create(`last/${ORIGIN}`, utf8Of("{}"));
    await expect(sign(3)).rejects.toMatchObject({ code: "signer_unavailable" });
  });
});
