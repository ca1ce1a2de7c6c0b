/** Envelopes: one form, every signature checked, nothing believed before. */

import fc from "fast-check";
import { CompactSign, FlattenedSign, GeneralSign } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { base64urlOf, digestOf, findUtf8, utf8Of } from "./bytes.ts";
import {
  ENVELOPE_MAX_BYTES,
  openEnvelope,
  parseEnvelope,
  SIGNATURES_MAX,
  signEnvelope,
  signPayloadBytes,
} from "./envelope.ts";
import { jcs } from "./jcs.ts";
import { type FixedKey, fixedKey } from "./testing/keys.ts";
import { outcome } from "./testing/refusal.ts";

const TYP = "bw-release+jws";
const PAYLOAD = { a: 1, b: ["x"] };
let one: FixedKey;
let two: FixedKey;
let stranger: FixedKey;

beforeAll(async () => {
  [one, two, stranger] = (await Promise.all(["one", "two", "stranger"].map(fixedKey))) as [
    FixedKey,
    FixedKey,
    FixedKey,
  ];
});

const tableOf = (...keys: FixedKey[]) => new Map(keys.map((key) => [key.kid as string, key.publicJwk]));
const openBytes = (bytes: Uint8Array, threshold = 1) => openEnvelope(bytes, TYP, tableOf(one, two), threshold);

type Signature = { protected: string; signature: string; header?: object };
type Loose = { payload: string; signatures: Signature[]; [member: string]: unknown };

/** An envelope with any header and payload bytes, really signed by `one`. */
async function forged(header: object, payloadBytes: Uint8Array = utf8Of(jcs(PAYLOAD))): Promise<Loose> {
  const protectedText = base64urlOf(utf8Of(JSON.stringify(header)));
  const payload = base64urlOf(payloadBytes);
  const input = utf8Of(`${protectedText}.${payload}`);
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", one.privateKey, input));
  return { payload, signatures: [{ protected: protectedText, signature: base64urlOf(signature) }] };
}
const bytesOf = (loose: unknown) => utf8Of(jcs(loose));
const goodHeader = () => ({ alg: "Ed25519", kid: one.kid, typ: TYP });

async function changed(change: (loose: Loose) => void, keys = [one]): Promise<Uint8Array> {
  const loose = JSON.parse(findUtf8(await signEnvelope(TYP, PAYLOAD, keys)) as string) as Loose;
  change(loose);
  return bytesOf(loose);
}

describe("openEnvelope", () => {
  it("gives the payload, its digest and who signed", async () => {
    const bytes = await signEnvelope(TYP, PAYLOAD, [two, one]);
    const opened = await openBytes(bytes, 2);
    expect(opened.payload).toEqual(PAYLOAD);
    expect(opened.digest).toBe(await digestOf(utf8Of(jcs(PAYLOAD))));
    expect(opened.kids).toEqual([one.kid, two.kid].sort());
  });

  it("is the same bytes again for the same payload and keys", async () => {
    expect(await signEnvelope(TYP, { b: ["x"], a: 1 }, [one, two])).toEqual(
      await signEnvelope(TYP, PAYLOAD, [two, one]),
    );
  });

  it("opens what another JOSE library's general serialization signed, once it is canonical", async () => {
    const jws = await new GeneralSign(utf8Of(jcs(PAYLOAD)))
      .addSignature(one.privateKey)
      .setProtectedHeader(goodHeader())
      .sign();
    expect((await openBytes(bytesOf(jws))).payload).toEqual(PAYLOAD);
  });

  it("takes a signature for no other payload, header or key", async () => {
    expect(
      await outcome(async () =>
        openBytes(
          await changed((e) => {
            e.payload = base64urlOf(utf8Of('{"a":2}'));
          }),
        ),
      ),
    ).toBe("signature_invalid");
    const release = await changed(() => undefined, [one]);
    const root = await signEnvelope("bw-root+jws", PAYLOAD, [one]);
    const swapped = JSON.parse(findUtf8(release) as string) as Loose;
    (swapped.signatures[0] as Signature).signature = (JSON.parse(findUtf8(root) as string) as Loose).signatures[0]
      ?.signature as string;
    expect(await outcome(() => openBytes(bytesOf(swapped)))).toBe("signature_invalid");
  });

  it("does not let one bit change anywhere", async () => {
    const bytes = await signEnvelope(TYP, PAYLOAD, [one]);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), async (at, bit) => {
        const broken = Uint8Array.from(bytes);
        broken[at] = (broken[at] as number) ^ (1 << bit);
        return (await outcome(() => openBytes(broken))) !== "ok";
      }),
      { numRuns: 300 },
    );
  });

  it("never crashes on arbitrary bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array(), fc.json().map(utf8Of)),
        async (bytes) => (await outcome(() => openBytes(bytes))) !== "ok",
      ),
    );
  });

  it("refuses a payload that is not canonical, although it is signed", async () => {
    for (const text of ['{"a":1,"a":1}', '{ "a":1}', '{"a":1.0}', '{"a":1}\n', "not json"]) {
      const bytes = await signPayloadBytes(TYP, utf8Of(text), [one]);
      expect(await outcome(() => openBytes(bytes)), text).toBe("jcs_invalid");
    }
  });

  it("refuses a picture as payload", async () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
    expect(await outcome(async () => openBytes(await signPayloadBytes(TYP, png, [one])))).toBe("jcs_invalid");
    expect(await outcome(() => openBytes(png))).toBe("envelope_format");
  });
});

describe("who signed", () => {
  it("refuses an unknown kid, even beside enough good signatures", async () => {
    const bytes = await signEnvelope(TYP, PAYLOAD, [one, two, stranger]);
    expect(await outcome(() => openBytes(bytes, 2))).toBe("envelope_kid_unknown");
  });

  it("refuses a bad signature, even beside enough good ones", async () => {
    const bytes = await changed(
      (e) => {
        const [first, second] = e.signatures as [Signature, Signature];
        second.signature = first.signature;
      },
      [one, two],
    );
    expect(await outcome(() => openBytes(bytes, 1))).toBe("signature_invalid");
  });

  it("counts distinct keys against the threshold", async () => {
    expect(await outcome(async () => openBytes(await signEnvelope(TYP, PAYLOAD, [one]), 2))).toBe(
      "signature_threshold",
    );
    expect(await outcome(async () => openBytes(await signEnvelope(TYP, PAYLOAD, [one, two]), 2))).toBe("ok");
  });

  it.each([0, -1, Number.NaN, 0.5])("takes no threshold of %s", async (threshold) => {
    expect(await outcome(async () => openBytes(await signEnvelope(TYP, PAYLOAD, [one]), threshold))).toBe(
      "signature_threshold",
    );
  });

  it("refuses a key that the table files under another's name", async () => {
    const bytes = await signEnvelope(TYP, PAYLOAD, [{ kid: two.kid, privateKey: one.privateKey }]);
    const keys = new Map([[two.kid as string, one.publicJwk]]);
    expect(await outcome(() => openEnvelope(bytes, TYP, keys, 1))).toBe("envelope_kid_unknown");
  });

  it("refuses a key of small order", async () => {
    const weak = {
      crv: "Ed25519",
      kty: "OKP",
      x: base64urlOf(Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))),
    } as const;
    const { thumbprint } = await import("./keys.ts");
    const kid = await thumbprint(weak);
    const bytes = await signEnvelope(TYP, PAYLOAD, [{ kid, privateKey: one.privateKey }]);
    expect(await outcome(() => openEnvelope(bytes, TYP, new Map([[kid as string, weak]]), 1))).toBe("key_invalid");
  });
});

describe("the form of an envelope", () => {
  it("refuses one kid twice, an order that is not sorted, and none at all", async () => {
    const double = await changed((e) => e.signatures.push(e.signatures[0] as Signature));
    expect(await outcome(() => openBytes(double))).toBe("envelope_format");
    const unsorted = await changed((e) => e.signatures.reverse(), [one, two]);
    expect(await outcome(() => openBytes(unsorted))).toBe("envelope_format");
    expect(
      await outcome(async () =>
        openBytes(
          await changed((e) => {
            e.signatures = [];
          }),
        ),
      ),
    ).toBe("envelope_format");
    expect(await outcome(() => signEnvelope(TYP, PAYLOAD, [one, one]))).toBe("envelope_format");
    expect(await outcome(() => signEnvelope(TYP, PAYLOAD, []))).toBe("envelope_format");
  });

  it("takes 16 signatures and no more", async () => {
    const keys = await Promise.all(Array.from({ length: SIGNATURES_MAX + 1 }, (_, i) => fixedKey(`many ${i}`)));
    const sixteen = await signEnvelope(TYP, PAYLOAD, keys.slice(1));
    expect((await openEnvelope(sixteen, TYP, tableOf(...keys), SIGNATURES_MAX)).kids).toHaveLength(SIGNATURES_MAX);
    expect(await outcome(() => signEnvelope(TYP, PAYLOAD, keys))).toBe("envelope_format");
  });

  it("takes 16 KiB and no more, and more only where the caller says so", async () => {
    const large = { text: "x".repeat(ENVELOPE_MAX_BYTES) };
    expect(await outcome(() => signEnvelope("bw-report+jws", large, [one]))).toBe("envelope_too_large");
    const bytes = await signEnvelope("bw-report+jws", large, [one], { maxBytes: 96 * 1024 });
    expect(await outcome(() => openEnvelope(bytes, "bw-report+jws", tableOf(one), 1))).toBe("envelope_too_large");
    expect(await outcome(() => openEnvelope(bytes, "bw-report+jws", tableOf(one), 1, { maxBytes: 96 * 1024 }))).toBe(
      "ok",
    );
  });

  it.each<[string, (e: Loose) => void]>([
    [
      "an unprotected header",
      (e) => {
        (e.signatures[0] as Signature).header = { kid: "x" };
      },
    ],
    [
      "a top-level header",
      (e) => {
        e.header = {};
      },
    ],
    [
      "another member",
      (e) => {
        e.note = "x";
      },
    ],
    [
      "a payload that is no base64url",
      (e) => {
        e.payload = `${e.payload}=`;
      },
    ],
    [
      "a short signature",
      (e) => {
        (e.signatures[0] as Signature).signature = base64urlOf(new Uint8Array(63));
      },
    ],
    [
      "a signature that is no base64url",
      (e) => {
        (e.signatures[0] as Signature).signature = "+".repeat(86);
      },
    ],
  ])("refuses %s", async (_, change) => {
    expect(await outcome(async () => openBytes(await changed(change)))).toBe("envelope_format");
  });

  it("refuses the other serializations", async () => {
    const flattened = await new FlattenedSign(utf8Of(jcs(PAYLOAD)))
      .setProtectedHeader(goodHeader())
      .sign(one.privateKey);
    expect(await outcome(() => openBytes(bytesOf(flattened)))).toBe("envelope_format");
    const compact = await new CompactSign(utf8Of(jcs(PAYLOAD))).setProtectedHeader(goodHeader()).sign(one.privateKey);
    expect(await outcome(() => openBytes(utf8Of(compact)))).toBe("envelope_format");
  });

  it("refuses a good envelope in any other spelling", async () => {
    const text = findUtf8(await signEnvelope(TYP, PAYLOAD, [one])) as string;
    for (const other of [
      ` ${text}`,
      `${text}\n`,
      text.replace('{"payload"', '{ "payload"'),
      text.replace("}", ',"protected":"x"}'),
    ]) {
      expect(["jcs_invalid", "envelope_format"]).toContain(await outcome(() => openBytes(utf8Of(other))));
    }
    const twice = text.replace('{"payload":', '{"payload":"AAAA","payload":');
    expect(await outcome(() => openBytes(utf8Of(twice)))).toBe("jcs_invalid");
  });
});

describe("the protected header", () => {
  it.each<[string, object]>([
    ["the deprecated alg EdDSA", { alg: "EdDSA" }],
    ["alg none", { alg: "none" }],
    ["an HMAC", { alg: "HS256" }],
    ["b64:false", { b64: false }],
    ["crit", { crit: ["exp"], exp: 1 }],
    ["an own key", { jwk: { kty: "OKP" } }],
    ["a key address", { jku: "https://keys.example" }],
    ["a certificate", { x5c: ["AA"] }],
    ["a kid that is no thumbprint", { kid: "me" }],
  ])("refuses %s, although the signature is good", async (_, change) => {
    const header = Object.fromEntries(Object.entries({ ...goodHeader(), ...change }).sort());
    expect(await outcome(async () => openBytes(bytesOf(await forged(header))))).toBe("envelope_header");
  });

  it("refuses a missing member, another order, white space and a repeated member", async () => {
    const { alg, kid, typ } = goodHeader();
    expect(await outcome(async () => openBytes(bytesOf(await forged({ alg, kid }))))).toBe("envelope_typ");
    expect(await outcome(async () => openBytes(bytesOf(await forged({ alg, typ }))))).toBe("envelope_header");
    expect(await outcome(async () => openBytes(bytesOf(await forged({ kid, alg, typ }))))).toBe("envelope_header");
    const twice = `{"alg":"none","alg":"Ed25519","kid":"${kid}","typ":"${TYP}"}`;
    const loose = await forged(goodHeader());
    (loose.signatures[0] as Signature).protected = base64urlOf(utf8Of(twice));
    expect(await outcome(() => openBytes(bytesOf(loose)))).toBe("envelope_header");
  });

  it("takes no document for another's type", async () => {
    expect(await outcome(async () => openBytes(await signEnvelope("bw-root+jws", PAYLOAD, [one])))).toBe(
      "envelope_typ",
    );
    expect(await outcome(async () => openBytes(bytesOf(await forged({ ...goodHeader(), typ: "JWT" }))))).toBe(
      "envelope_typ",
    );
  });
});

describe("parseEnvelope", () => {
  it("shows headers and payload without believing them", async () => {
    const parsed = parseEnvelope(await signEnvelope(TYP, PAYLOAD, [stranger]));
    expect(parsed.protectedHeaders).toEqual([{ alg: "Ed25519", kid: stranger.kid, typ: TYP }]);
    expect(findUtf8(parsed.payloadBytes)).toBe(jcs(PAYLOAD));
  });
});
