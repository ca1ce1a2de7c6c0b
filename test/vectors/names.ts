/** Vectors of names, keys and canonical JSON. */

import { base64urlOf, parseHex } from "../../shared/bytes.ts";
import { fixedKey } from "../../shared/testing/keys.ts";
import { type NamedVector, vector } from "./named-vector.ts";

const JCS_CASES: [string, string, "ok" | "jcs_invalid"][] = [
  ["every kind of value", '{"a":[true,false,null,-5,"x"],"b":{}}', "ok"],
  ["names sort by UTF-16 code units", '{"1":1,"ö":2,"€":3,"😀":4,"\ufb33":5}', "ok"],
  ["control characters in the short escapes", '"\\b\\t\\n\\f\\r\\"\\\\\\u001f"', "ok"],
  ["largest integers", "[9007199254740991,-9007199254740991]", "ok"],
  ["repeated member", '{"a":1,"a":1}', "jcs_invalid"],
  ["repeated member behind an escape", '{"a":1,"\\u0061":2}', "jcs_invalid"],
  ["unsorted members", '{"b":1,"a":2}', "jcs_invalid"],
  ["white space", '{"a": 1}', "jcs_invalid"],
  ["final line feed", '{"a":1}\n', "jcs_invalid"],
  ["fraction", '{"a":1.5}', "jcs_invalid"],
  ["fraction of zero", '{"a":1.0}', "jcs_invalid"],
  ["exponent", '{"a":1e2}', "jcs_invalid"],
  ["minus zero", '{"a":-0}', "jcs_invalid"],
  ["integer beyond 2 to the 53", '{"a":9007199254740993}', "jcs_invalid"],
  ["needless escape", '{"a":"\\u0041"}', "jcs_invalid"],
  ["escaped slash", '{"a":"\\/"}', "jcs_invalid"],
  ["escape in upper case", '{"a":"\\u001F"}', "jcs_invalid"],
  ["lone surrogate", '{"a":"\\ud800"}', "jcs_invalid"],
  ["byte order mark", '\ufeff{"a":1}', "jcs_invalid"],
  ["two values", "{}{}", "jcs_invalid"],
  ["nothing", "", "jcs_invalid"],
  ["33 levels", `${"[".repeat(34)}${"]".repeat(34)}`, "jcs_invalid"],
];

const ID_CASES: [Parameters<typeof vector<"id">>[3]["kind"], string, unknown, "ok" | "id_invalid"][] = [
  ["publisher", "publisher", "hotline.example", "ok"],
  ["publisher", "publisher as IDN", "xn--bcher-kva.example", "ok"],
  ["publisher", "publisher in upper case", "Hotline.example", "id_invalid"],
  ["publisher", "publisher with a final dot", "hotline.example.", "id_invalid"],
  ["publisher", "publisher of one label", "hotline", "id_invalid"],
  ["publisher", "publisher that is an address", "10.0.0.1", "id_invalid"],
  ["publisher", "publisher with a line feed", "hotline.example\n", "id_invalid"],
  ["set", "set", "terms-en", "ok"],
  ["set", "set that begins with a hyphen", "-a", "id_invalid"],
  ["set", "set of 64 characters", "a".repeat(64), "id_invalid"],
  ["set_id", "set id", "hotline.example/verified", "ok"],
  ["set_id", "set id of three parts", "hotline.example/a/b", "id_invalid"],
  ["entry", "entry id", "00112233445566778899aabbccddeeff", "ok"],
  ["entry", "entry id in upper case", "00112233445566778899AABBCCDDEEFF", "id_invalid"],
  ["entry", "entry id of 31 digits", "0".repeat(31), "id_invalid"],
  ["kid", "kid", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "ok"],
  ["kid", "kid with padding", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k=", "id_invalid"],
  ["uuid_v7", "uuid", "01939f4e-0000-7000-8000-000000000000", "ok"],
  ["uuid_v7", "uuid of version 4", "01939f4e-0000-4000-8000-000000000000", "id_invalid"],
];

const SMALL_ORDER: [string, string][] = [
  ["order 4", "00".repeat(32)],
  ["order 1", `01${"00".repeat(31)}`],
  ["order 1 with the sign bit", `01${"00".repeat(30)}80`],
  ["order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"],
  ["order 2", `ec${"ff".repeat(30)}7f`],
  ["order 4 in a second spelling", `ed${"ff".repeat(30)}7f`],
  ["a coordinate above p", `${"ff".repeat(32)}`],
];

export async function nameVectors(): Promise<NamedVector[]> {
  const { publicJwk, privateJwk, kid } = await fixedKey("vector");
  const rfc8037 = { crv: "Ed25519", kty: "OKP", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
  const key = (title: string, expect: string, jwk: unknown, use: "signing" | "sealing" = "signing", gives?: unknown) =>
    vector("key", title, expect, { jwk, use }, gives);
  return [
    ...JCS_CASES.map(([title, text, expect]) =>
      vector("jcs", title, expect, { bytes: { text } }, expect === "ok" ? { text } : undefined),
    ),
    vector("jcs", "not UTF-8", "jcs_invalid", { bytes: { base64: Buffer.of(0x22, 0xff, 0x22).toString("base64") } }),
    ...ID_CASES.map(([kind, title, value, expect]) => vector("id", title, expect, { kind, value })),
    key("thumbprint of RFC 8037 A 3", "ok", rfc8037, "signing", { kid: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" }),
    key("fixed key", "ok", publicJwk, "signing", { kid }),
    key("private key", "key_invalid", privateJwk),
    key("key with an id inside", "key_invalid", { ...publicJwk, kid }),
    key("other curve", "key_invalid", { ...publicJwk, crv: "X25519" }),
    key("31 bytes", "key_invalid", { ...publicJwk, x: base64urlOf(new Uint8Array(31).fill(1)) }),
    key("padding", "key_invalid", { ...publicJwk, x: `${publicJwk.x}=` }),
    ...SMALL_ORDER.map(([title, hex]) =>
      key(`small order ${title}`, "key_invalid", { ...publicJwk, x: base64urlOf(parseHex(hex)) }),
    ),
    key(
      "sealing key",
      "ok",
      { crv: "X25519", kty: "OKP", x: "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo" },
      "sealing",
    ),
    key(
      "sealing key of zeros",
      "key_invalid",
      { crv: "X25519", kty: "OKP", x: base64urlOf(new Uint8Array(32)) },
      "sealing",
    ),
  ];
}
