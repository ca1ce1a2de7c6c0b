/** Roots: who may speak for a publisher, and how that changes hands. */

import { beforeAll, describe, expect, it } from "vitest";
import { signEnvelope } from "./envelope.ts";
import type { Kid } from "./ids.ts";
import {
  checkRootTimes,
  type OpenedRoot,
  openPinnedRoot,
  openRoot,
  ROOT_LIFETIME_MAX_SECONDS,
  type Root,
  rootDigest,
  signRoot,
} from "./root.ts";
import { type ExamplePublisher, exampleKeys, exampleOpenedRoot, exampleRoot, NOW } from "./testing/examples.ts";
import type { FixedKey } from "./testing/keys.ts";
import { outcome } from "./testing/refusal.ts";

let keys: ExamplePublisher;
let first: OpenedRoot;

beforeAll(async () => {
  keys = await exampleKeys();
  first = await exampleOpenedRoot(keys);
});

/** A root with these root keys and threshold, following `first`. */
function second(rootKeys: FixedKey[], threshold: number, changes: Partial<Root> = {}): Root {
  const listed = [...rootKeys, keys.release];
  return exampleRoot(keys, {
    keys: Object.fromEntries(listed.map((key) => [key.kid, key.publicJwk])) as Root["keys"],
    roles: {
      release: { kids: [keys.release.kid], threshold: 1 },
      root: { kids: rootKeys.map((key) => key.kid).sort() as Kid[], threshold },
    },
    prev: first.digest,
    version: 2,
    ...changes,
  });
}

describe("the first root", () => {
  it("opens with its own signature, and its digest is what a pin carries", async () => {
    expect(first.root.publisher).toBe("hotline.example");
    expect(await rootDigest(first.bytes)).toBe(first.digest);
  });

  it("is refused when somebody else signed it", async () => {
    expect(await outcome(async () => openRoot(await signRoot(exampleRoot(keys), [keys.spare])))).toBe(
      "envelope_kid_unknown",
    );
  });

  it("is refused when its release key signed it: a role does not do another's work", async () => {
    expect(await outcome(async () => openRoot(await signRoot(exampleRoot(keys), [keys.release])))).toBe(
      "envelope_kid_unknown",
    );
  });

  it("is not version 2 just because nobody knows version 1", async () => {
    const root = exampleRoot(keys, { version: 2, prev: first.digest });
    expect(await outcome(async () => openRoot(await signRoot(root, [keys.root1])))).toBe("root_gap");
  });

  it("needs its own threshold", async () => {
    const root = second([keys.root1, keys.root2], 2, { version: 1, prev: null });
    expect(await outcome(async () => openRoot(await signRoot(root, [keys.root1])))).toBe("signature_threshold");
    expect(await outcome(async () => openRoot(await signRoot(root, [keys.root1, keys.root2])))).toBe("ok");
  });
});

describe("rotation", () => {
  it("needs a threshold of the old root's keys and of the new one's", async () => {
    const next = second([keys.root2], 1);
    expect(await outcome(async () => openRoot(await signRoot(next, [keys.root1]), first))).toBe("signature_threshold");
    expect(await outcome(async () => openRoot(await signRoot(next, [keys.root2]), first))).toBe("signature_threshold");
    const opened = await openRoot(await signRoot(next, [keys.root1, keys.root2]), first);
    expect(opened.root.version).toBe(2);
  });

  it("keeps to the old threshold, however low the new one is", async () => {
    const strict = await openRoot(
      await signRoot(second([keys.root1, keys.root2], 2, { version: 1, prev: null }), [keys.root1, keys.root2]),
    );
    const loose = second([keys.root1], 1, { prev: strict.digest });
    expect(await outcome(async () => openRoot(await signRoot(loose, [keys.root1]), strict))).toBe(
      "signature_threshold",
    );
    expect(await outcome(async () => openRoot(await signRoot(loose, [keys.root1, keys.root2]), strict))).toBe("ok");
  });

  it("tells a repeat from a fork, a gap, a rollback and a break of the chain", async () => {
    const both = [keys.root1, keys.root2];
    const next = await openRoot(await signRoot(second(both, 1), both), first);
    expect((await openRoot(next.bytes, next)).digest).toBe(next.digest);
    const fork = await signRoot(second(both, 1, { exp: NOW + 5000 }), both);
    expect(await outcome(() => openRoot(fork, next))).toBe("root_fork");
    const gap = await signRoot(second(both, 1, { version: 3 }), both);
    expect(await outcome(() => openRoot(gap, first))).toBe("root_gap");
    expect(await outcome(async () => openRoot(await signRoot(exampleRoot(keys), [keys.root1]), next))).toBe(
      "root_rollback",
    );
    const chain = await signRoot(second(both, 1, { prev: `sha256:${"0".repeat(64)}` }), both);
    expect(await outcome(() => openRoot(chain, first))).toBe("root_chain");
    const other = await signRoot(second(both, 1, { publisher: "other.example" as Root["publisher"] }), both);
    expect(await outcome(() => openRoot(other, first))).toBe("root_chain");
  });
});

describe("a pin", () => {
  it("opens that root of any version and no other", async () => {
    const next = await openRoot(await signRoot(second([keys.root1], 1), [keys.root1]), first);
    expect((await openPinnedRoot(next.bytes, { version: 2, digest: next.digest })).root.version).toBe(2);
    expect(await outcome(() => openPinnedRoot(first.bytes, { version: 2, digest: next.digest }))).toBe("root_pin");
    expect(await outcome(() => openPinnedRoot(next.bytes, { version: 1, digest: next.digest }))).toBe("root_pin");
  });
});

describe("a root that changed all its keys", () => {
  const rotated = async () => signRoot(second([keys.root2], 1), [keys.root1, keys.root2]);

  it("opens by its pin, although nobody has its predecessor's keys at hand", async () => {
    const bytes = await rotated();
    const pin = { version: 2, digest: await rootDigest(bytes) };
    expect((await openPinnedRoot(bytes, pin)).root.version).toBe(2);
  });

  it("is recognised when it comes again, and a fork of it as a fork", async () => {
    const held = await openRoot(await rotated(), first);
    expect((await openRoot(await rotated(), held)).digest).toBe(held.digest);
    const fork = await signRoot(second([keys.root2], 1, { exp: NOW + 5000 }), [keys.root1, keys.root2]);
    expect(await outcome(() => openRoot(fork, held))).toBe("root_fork");
  });

  it("is not held up by a fork or a jump that its keys did not sign", async () => {
    const held = await openRoot(await rotated(), first);
    for (const changes of [{ exp: NOW + 5000 }, { version: 9 }, { version: 1, prev: null }]) {
      const junk = await signRoot(second([keys.spare], 1, changes), [keys.spare, keys.root1]);
      expect(await outcome(() => openRoot(junk, held))).toBe("signature_threshold");
    }
  });

  it("counts no signature that could not be checked", async () => {
    const two = second([keys.root1, keys.root2], 2, { version: 1, prev: null });
    const bytes = await signRoot(two, [keys.root1, keys.spare]);
    expect(await outcome(async () => openPinnedRoot(bytes, { version: 1, digest: await rootDigest(bytes) }))).toBe(
      "envelope_kid_unknown",
    );
    const later = await signRoot({ ...two, version: 2, prev: first.digest }, [keys.root1, keys.spare]);
    expect(await outcome(async () => openPinnedRoot(later, { version: 2, digest: await rootDigest(later) }))).toBe(
      "signature_threshold",
    );
  });
});

describe("a root's shape", () => {
  const roles = (change: (roles: Root["roles"]) => void): Partial<Root> => {
    const copy = structuredClone(exampleRoot(keys).roles);
    change(copy);
    return { roles: copy };
  };

  it.each<[string, () => Partial<Root> | Record<string, unknown>]>([
    [
      "a threshold above the number of keys",
      () =>
        roles((r) => {
          r.root.threshold = 2;
        }),
    ],
    [
      "a threshold of none",
      () =>
        roles((r) => {
          r.release.threshold = 0;
        }),
    ],
    [
      "a key in two roles",
      () =>
        roles((r) => {
          r.release.kids = r.root.kids;
        }),
    ],
    [
      "a kid twice in a role",
      () =>
        roles((r) => {
          r.root.kids = [keys.root1.kid, keys.root1.kid];
        }),
    ],
    [
      "a role without keys",
      () =>
        roles((r) => {
          r.release.kids = [];
        }),
    ],
    [
      "a key that no role lists",
      () => ({ keys: { ...exampleRoot(keys).keys, [keys.spare.kid]: keys.spare.publicJwk } }),
    ],
    ["a listed kid without its key", () => ({ keys: { [keys.root1.kid]: keys.root1.publicJwk } })],
    [
      "a key under another's kid",
      () => ({ keys: { [keys.root1.kid]: keys.root1.publicJwk, [keys.release.kid]: keys.spare.publicJwk } }),
    ],
    [
      "a private key",
      () => ({ keys: { [keys.root1.kid]: keys.root1.privateJwk, [keys.release.kid]: keys.release.publicJwk } }),
    ],
    ["another member", () => ({ note: "hello" })],
    ["two home logs", () => ({ logs: ["exchange.example/log1", "other.example/log1"] })],
    ["no home log", () => ({ logs: [] })],
    ["version 0", () => ({ version: 0 })],
    ["version 1 with a predecessor", () => ({ prev: first.digest })],
    ["no end", () => ({ exp: NOW })],
    ["an end too far away", () => ({ exp: NOW + ROOT_LIFETIME_MAX_SECONDS + 1 })],
    ["a time in words", () => ({ iat: "2026-11-22T00:00:00Z" })],
    ["an upper-case publisher", () => ({ publisher: "Hotline.example" })],
  ])("has no %s", async (_, change) => {
    const payload = { ...exampleRoot(keys), ...change() };
    expect(await outcome(async () => openRoot(await signEnvelope("bw-root+jws", payload, [keys.root1])))).toBe(
      "root_invalid",
    );
  });

  it("has no key of small order", async () => {
    const { thumbprint } = await import("./keys.ts");
    const weak = { crv: "Ed25519", kty: "OKP", x: "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } as const;
    const kid = await thumbprint(weak);
    const payload = exampleRoot(keys, {
      keys: { [keys.root1.kid]: keys.root1.publicJwk, [kid]: weak } as Root["keys"],
      roles: { release: { kids: [kid], threshold: 1 }, root: { kids: [keys.root1.kid], threshold: 1 } },
    });
    expect(await outcome(async () => openRoot(await signEnvelope("bw-root+jws", payload, [keys.root1])))).toBe(
      "key_invalid",
    );
  });

  it("may have members that an older subscriber does not know; it keeps the bytes and their digest", async () => {
    const payload = { ...exampleRoot(keys), witness_hint: "later" };
    const bytes = await signEnvelope("bw-root+jws", payload, [keys.root1]);
    const opened = await openRoot(bytes, undefined, { strict: false });
    expect(opened.bytes).toEqual(bytes);
    expect(opened.root).not.toHaveProperty("witness_hint");
    expect(await outcome(() => openRoot(bytes))).toBe("root_invalid");
  });
});

describe("checkRootTimes", () => {
  it("ends with exp and begins, give or take five minutes, with iat", async () => {
    const { root } = first;
    expect(await outcome(() => checkRootTimes(root, root.exp - 1))).toBe("ok");
    expect(await outcome(() => checkRootTimes(root, root.exp))).toBe("root_expired");
    expect(await outcome(() => checkRootTimes(root, root.iat - 300))).toBe("ok");
    expect(await outcome(() => checkRootTimes(root, root.iat - 301))).toBe("root_time");
  });
});
