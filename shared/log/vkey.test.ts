/** Verifier keys: one text a key, whose id is computed from it. */

import { describe, expect, it } from "vitest";
import { concatBytes } from "../bytes.ts";
import { rawPublicKey } from "../keys.ts";
import { fixedKey } from "../testing/keys.ts";
import { outcome } from "../testing/refusal.ts";
import { base64Of } from "./base64.ts";
import { COSIGNATURE_V1, formatVkey, parseVkey, vkeyOf } from "./note.ts";

// The key of the example in C2SP signed-note, "Verifier keys".
const EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

describe("vkey", () => {
  it("is read and written as in the specification's example", () => {
    const vkey = parseVkey(EXAMPLE);
    expect(vkey).toMatchObject({ name: "example.com/foo", keyId: "530d903a", type: 1 });
    expect(formatVkey(vkey)).toBe(EXAMPLE);
  });

  it("of a cosigner has another id than the same key as a log's", async () => {
    const { publicJwk } = await fixedKey("vkey");
    const log = vkeyOf("a.example", publicJwk);
    const witness = vkeyOf("a.example", publicJwk, COSIGNATURE_V1);
    expect(witness.keyId).not.toBe(log.keyId);
    expect(parseVkey(formatVkey(witness))).toEqual(witness);
  });

  it("may hold a plus sign in its base64 part", async () => {
    for (let at = 0; ; at++) {
      const text = formatVkey(vkeyOf("a.example", (await fixedKey(`plus ${at}`)).publicJwk));
      if (text.split("+").length < 4) continue;
      expect(formatVkey(parseVkey(text))).toBe(text);
      break;
    }
  });

  const [, keyId, material] = EXAMPLE.split("+") as [string, string, string];
  it.each([
    ["nothing", ""],
    ["no id", `example.com/foo+${material}`],
    ["an id in upper case", `example.com/foo+530D903A+${material}`],
    ["an id of another key", `example.com/foo+530d903b+${material}`],
    ["another name under the same id", `example.com/fop+${keyId}+${material}`],
    ["no name", `+${keyId}+${material}`],
    ["a space in the name", `example.com /foo+${keyId}+${material}`],
    ["a no-break space in the name", `example.com\u00a0foo+${keyId}+${material}`],
    ["a key without padding bits of zero", EXAMPLE.replace(/k$/, "l")],
    ["an ECDSA type", `example.com/foo+${keyId}+Ai${material.slice(2)}`],
    ["33 bytes of key", `example.com/foo+${keyId}+${material}AAAA`],
    ["a final line feed", `${EXAMPLE}\n`],
  ])("with %s is refused", async (_, text) => {
    expect(await outcome(() => parseVkey(text))).toBe("key_invalid");
  });

  it("of small order is refused, though its id is right", async () => {
    const small = concatBytes([Uint8Array.of(1, 1), new Uint8Array(31)]);
    expect(await outcome(() => parseVkey(`a.example+00000000+${base64Of(small)}`))).toBe("key_invalid");
    const good = (await fixedKey("vkey")).publicJwk;
    expect(rawPublicKey(good).length).toBe(32);
    const jwk = { ...good, x: `AQ${"A".repeat(41)}` };
    expect(await outcome(() => vkeyOf("a.example", jwk))).toBe("key_invalid");
  });
});
