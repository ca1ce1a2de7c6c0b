import { digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { openEnvelope } from "@breakwater/shared/envelope.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { thumbprint } from "@breakwater/shared/keys.ts";
import { describe, expect, it } from "vitest";
import { openSignerCore } from "./core.ts";
import { openMemoryState, type SignerState } from "./state.ts";

const SECRET = "test-only-".repeat(8);
const DIGEST = `sha256:${"ab".repeat(32)}`;

function statement(change: Record<string, unknown> = {}): Uint8Array {
  return utf8Of(
    jcs({
      exp: 1_795_942_800,
      iat: 1_795_338_000,
      manifest: DIGEST,
      manifest_size: 100,
      prev: null,
      publisher: "p.example",
      release: 1,
      root: 1,
      set: "verified",
      ...change,
    }),
  );
}

async function open(state: SignerState = openMemoryState()) {
  const signer = await openSignerCore({ state, secret: SECRET });
  return { signer, state, jwk: await signer.createReleaseKey("p.example") };
}

describe("release keys", () => {
  it("are made once and survive a restart", async () => {
    const { state, jwk } = await open();
    const later = await openSignerCore({ state, secret: SECRET });
    expect(await later.releaseKey("p.example")).toEqual(jwk);
    expect(await later.createReleaseKey("p.example")).toEqual(jwk);
    expect(await later.releaseKey("other.example")).toBeUndefined();
  });

  it("are one even when two ask at once", async () => {
    const { signer } = await open();
    const made = await Promise.all(Array.from({ length: 5 }, () => signer.createReleaseKey("q.example")));
    expect(new Set(made.map(({ x }) => x)).size).toBe(1);
  });

  it("stand in the store in no readable form", async () => {
    const state = openMemoryState();
    const written: string[] = [];
    const spy: SignerState = {
      ...state,
      create: (key, bytes) => {
        written.push(new TextDecoder().decode(bytes));
        return state.create(key, bytes);
      },
    };
    await open(spy);
    expect(written.join()).not.toContain('"d"');
    expect(written.join()).toContain('"sealed"');
  });

  it("are not replaced when the secret is another one", async () => {
    const { state } = await open();
    const other = await openSignerCore({ state, secret: "another-secret".repeat(4) });
    await expect(other.releaseKey("p.example")).rejects.toMatchObject({ code: "signer_unavailable" });
    await expect(other.createReleaseKey("p.example")).rejects.toMatchObject({ code: "signer_unavailable" });
  });

  it("cannot be moved from one publisher's name to another's", async () => {
    const { state } = await open();
    const kept = await state.read("keys/release/p.example");
    await state.create("keys/release/thief.example", kept?.bytes ?? new Uint8Array());
    const signer = await openSignerCore({ state, secret: SECRET });
    await expect(signer.releaseKey("thief.example")).rejects.toMatchObject({ code: "signer_unavailable" });
  });

  it("need a secret that cannot be guessed", async () => {
    await expect(openSignerCore({ state: openMemoryState(), secret: "short" })).rejects.toMatchObject({
      code: "config_invalid",
    });
  });
});

describe("what the signer signs", () => {
  it("is the exact payload, under the publisher's key", async () => {
    const { signer, jwk } = await open();
    const payload = statement();
    const opened = await openEnvelope(
      await signer.signRelease(payload),
      "bw-release+jws",
      new Map([[await thumbprint(jwk), jwk]]),
      1,
    );
    expect(opened.payloadBytes).toEqual(payload);
    expect(opened.digest).toBe(await digestOf(payload));
  });

  it("is each number once: the same bytes again give the same envelope, other bytes nothing", async () => {
    const { signer } = await open();
    const first = await signer.signRelease(statement());
    expect(await signer.signRelease(statement())).toEqual(first);
    await expect(signer.signRelease(statement({ iat: 1_795_338_001 }))).rejects.toMatchObject({
      code: "signer_refused",
    });
  });

  it("never falls below its own last number, also after a restart", async () => {
    const { signer, state } = await open();
    await signer.signRelease(statement({ release: 5, prev: DIGEST }));
    const later = await openSignerCore({ state, secret: SECRET });
    for (const release of [4, 2]) {
      await expect(later.signRelease(statement({ release, prev: DIGEST }))).rejects.toMatchObject({
        code: "signer_refused",
      });
    }
    await expect(later.signRelease(statement())).rejects.toMatchObject({ code: "signer_refused" });
    await expect(later.signRelease(statement({ release: 6, prev: DIGEST }))).resolves.toBeInstanceOf(Uint8Array);
  });

  it("counts each set by itself", async () => {
    const { signer } = await open();
    await signer.signRelease(statement({ release: 5, prev: DIGEST }));
    await expect(signer.signRelease(statement({ set: "other" }))).resolves.toBeInstanceOf(Uint8Array);
  });

  it("of two different releases of one number at once is one", async () => {
    const { signer } = await open();
    const tries = await Promise.allSettled(
      [1, 2, 3, 4].map((n) => signer.signRelease(statement({ manifest_size: n }))),
    );
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  const odd: [string, Uint8Array][] = [
    ["an unknown member", statement({ note: "x" })],
    ["a missing member", utf8Of('{"publisher":"p.example"}')],
    ["a fraction", utf8Of("1.5")],
    ["text that is not canonical", utf8Of(` ${new TextDecoder().decode(statement())}`)],
    ["a repeated member", utf8Of('{"set":"a","set":"b"}')],
    ["a receipt", utf8Of(jcs({ schema: "receipt/1" }))],
    ["more than an envelope holds", new Uint8Array(20_000).fill(0x20)],
  ];
  it.each(odd)("is never %s", async (_what, payload) => {
    const { signer } = await open();
    await expect(signer.signRelease(payload)).rejects.toMatchObject({
      code: expect.stringMatching(/^(signer_refused|jcs_invalid)$/),
    });
  });

  it("is nothing for a publisher without a key here", async () => {
    const { signer } = await open();
    await expect(signer.signRelease(statement({ publisher: "q.example" }))).rejects.toMatchObject({
      code: "signer_refused",
    });
  });

  it("as a receipt is never a release, and the other way round", async () => {
    const { signer } = await open();
    await expect(signer.signReceipt(statement())).rejects.toMatchObject({ code: "signer_refused" });
  });

  it("stops when its last number cannot be read", async () => {
    const state = openMemoryState();
    const { signer } = await open(state);
    await state.create("last/p.example/verified", utf8Of("{}"));
    await expect(signer.signRelease(statement())).rejects.toMatchObject({ code: "signer_unavailable" });
  });
});

describe("receipts", () => {
  const receipt = {
    schema: "receipt/1",
    report_id: "019ab3f0-0000-7000-8000-52e07a419c3d",
    reference: "BW-52E0-7A41-9C3D",
    received_at: "2026-11-22T09:00:00Z",
    body_sha256: DIGEST,
    exchange: "https://exchange.example",
    hotline: "hotline",
    state: "received",
    marks: [],
    next_step: "two_people_assess",
  };

  it("are signed under the published key", async () => {
    const { signer } = await open();
    const { receipt: keys } = await signer.publicKeys();
    const table = new Map(await Promise.all(keys.map(async (jwk) => [await thumbprint(jwk), jwk] as const)));
    const opened = await openEnvelope(await signer.signReceipt(utf8Of(jcs(receipt))), "bw-receipt+jws", table, 1);
    expect(opened.payload).toEqual(receipt);
  });

  it("are refused with anything more in them", async () => {
    const { signer } = await open();
    await expect(signer.signReceipt(utf8Of(jcs({ ...receipt, note: "free text" })))).rejects.toMatchObject({
      code: "signer_refused",
    });
  });
});

describe("recalls", () => {
  const recall = (change: Record<string, unknown> = {}): Uint8Array =>
    utf8Of(
      jcs({
        entries: ["a".repeat(32)],
        exp: 1_795_338_000 + 3_600,
        iat: 1_795_338_000,
        publisher: "p.example",
        recall: 1,
        root: 1,
        set: "verified",
        ...change,
      }),
    );

  it("are signed under the release key, by numbers of their own", async () => {
    const { signer, jwk } = await open();
    await signer.signRelease(statement({ release: 5, prev: DIGEST }));
    const table = new Map([[await thumbprint(jwk), jwk] as const]);
    const opened = await openEnvelope(await signer.signRecall(recall()), "bw-recall+jws", table, 1);
    expect(opened.payload).toMatchObject({ recall: 1 });
    await expect(signer.signRelease(statement({ release: 6, prev: DIGEST }))).resolves.toBeInstanceOf(Uint8Array);
  });

  it("of one number are one, and the same again is the same", async () => {
    const { signer, state } = await open();
    const first = await signer.signRecall(recall());
    const later = await openSignerCore({ state, secret: SECRET });
    expect(await later.signRecall(recall())).toEqual(first);
    await expect(later.signRecall(recall({ iat: 1_795_338_001 }))).rejects.toMatchObject({ code: "signer_refused" });
    await later.signRecall(recall({ recall: 2 }));
    await expect(later.signRecall(recall())).rejects.toMatchObject({ code: "signer_refused" });
    const tries = await Promise.allSettled(
      [1, 2, 3].map((n) => signer.signRecall(recall({ recall: 3, iat: 1_795_338_000 + n }))),
    );
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  const odd: [string, Uint8Array][] = [
    ["longer than 72 hours", recall({ exp: 1_795_338_000 + 73 * 3_600 })],
    ["with an unknown member", recall({ note: "x" })],
    ["of a publisher without a key here", recall({ publisher: "q.example" })],
    ["a release", statement()],
  ];
  it.each(odd)("are never %s", async (_what, payload) => {
    const { signer } = await open();
    await expect(signer.signRecall(payload)).rejects.toMatchObject({ code: "signer_refused" });
    await expect(signer.signRelease(recall())).rejects.toMatchObject({ code: "signer_refused" });
  });

  it("stop when the last number cannot be read", async () => {
    const state = openMemoryState();
    const { signer } = await open(state);
    await state.create("last-recall/p.example/verified", utf8Of("{}"));
    await expect(signer.signRecall(recall())).rejects.toMatchObject({ code: "signer_unavailable" });
  });
});
