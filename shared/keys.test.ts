/** Keys: only honest ones, named by their thumbprint. */

import { exportJWK } from "jose";
import { describe, expect, it } from "vitest";
import { base64urlOf, hexOf, parseHex } from "./bytes.ts";
import {
  generateSealingKey,
  generateSigningKey,
  importSigningKey,
  isSmallOrder,
  parsePublicJwk,
  parseSealingJwk,
  publicJwkOf,
  rawPublicKey,
  thumbprint,
} from "./keys.ts";
import { fixedKey } from "./testing/keys.ts";
import { outcome } from "./testing/refusal.ts";

// The encodings of small order, canonical and not, with either sign bit.
const SMALL = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

const jwkOf = (hex: string, crv: string) => ({ crv, kty: "OKP", x: base64urlOf(parseHex(hex)) });

describe("isSmallOrder", () => {
  it.each(SMALL)("finds %s", (hex) => expect(isSmallOrder(base64urlOf(parseHex(hex)))).toBe(true));

  it("passes honest keys", async () => {
    for (let i = 0; i < 20; i++) expect(isSmallOrder((await fixedKey(`honest ${i}`)).publicJwk.x)).toBe(false);
  });

  it("knows the points of Curve25519 apart from those of Ed25519", () => {
    const u = base64urlOf(parseHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"));
    expect(isSmallOrder(u, "X25519")).toBe(true);
    expect(isSmallOrder(u, "Ed25519")).toBe(false);
  });
});

describe("parsePublicJwk", () => {
  it.each(SMALL)("refuses the point %s", async (hex) => {
    expect(await outcome(() => parsePublicJwk(jwkOf(hex, "Ed25519")))).toBe("key_invalid");
  });

  it.each([
    ["a private member", async () => (await fixedKey("a")).privateJwk],
    ["another curve", async () => ({ ...(await fixedKey("a")).publicJwk, crv: "X25519" })],
    ["a key id inside", async () => ({ ...(await fixedKey("a")).publicJwk, kid: "me" })],
    ["31 bytes", async () => jwkOf("11".repeat(31), "Ed25519")],
    ["padding", async () => ({ ...(await fixedKey("a")).publicJwk, x: `${base64urlOf(new Uint8Array(32).fill(9))}=` })],
    ["nothing", async () => undefined],
  ])("refuses %s", async (_, make) => {
    const given = await make();
    expect(await outcome(() => parsePublicJwk(given))).toBe("key_invalid");
  });
});

describe("thumbprint", () => {
  it("is RFC 8037 appendix A.3's for its key", async () => {
    const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    expect(await thumbprint({ crv: "Ed25519", kty: "OKP", x })).toBe("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  });
});

describe("generateSigningKey", () => {
  it("keeps the private part inside unless asked", async () => {
    const key = await generateSigningKey({ extractable: false });
    expect(key.privateJwk).toBeUndefined();
    expect(key.privateKey.extractable).toBe(false);
    await expect(exportJWK(key.privateKey)).rejects.toThrow();
  });

  it("gives a key file that signs under the same kid, and cannot be read back", async () => {
    const key = await generateSigningKey({ extractable: true });
    const again = await importSigningKey(JSON.parse(JSON.stringify(key.privateJwk)));
    expect(again.kid).toBe(key.kid);
    expect(again.privateKey.extractable).toBe(false);
  });

  it.each([{}, { crv: "Ed25519", kty: "OKP", x: "AA", d: "AA" }, null])("does not import %j", async (jwk) => {
    expect(await outcome(() => importSigningKey(jwk))).toBe("key_invalid");
  });
});

describe("generateSealingKey", () => {
  it("makes X25519 keys that the sealing schema takes and the signing schema does not", async () => {
    const key = await generateSealingKey({ extractable: true });
    expect(parseSealingJwk(key.publicJwk)).toEqual(key.publicJwk);
    expect(key.privateJwk?.d).toHaveLength(43);
    expect(await outcome(() => parsePublicJwk(key.publicJwk))).toBe("key_invalid");
    expect(await outcome(() => parseSealingJwk(jwkOf("00".repeat(32), "X25519")))).toBe("key_invalid");
  });
});

describe("raw keys", () => {
  it("round-trip", async () => {
    const { publicJwk } = await fixedKey("raw");
    expect(publicJwkOf(rawPublicKey(publicJwk))).toEqual(publicJwk);
    expect(hexOf(rawPublicKey(publicJwk))).toHaveLength(64);
  });
});
