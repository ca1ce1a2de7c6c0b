// The code on an invite and the address typed beside it.
import { base64urlOf } from "@breakwater/shared/bytes.ts";
import { describe, expect, it } from "vitest";
import { findExchangeOrigin, findInvite } from "./invite.ts";

const local = new Uint8Array(48).map((_, i) => 255 - i);
const ID = "00112233445566778899aabbccddeeff";
const SECRET = "_".repeat(43);
const CODE = `bwi_${ID}_${SECRET}_${base64urlOf(local)}`;

describe("an invite code", () => {
  it("falls into three parts, whatever underscores they hold; spaces of a letter are forgiven", () => {
    for (const text of [CODE, ` ${CODE.slice(0, 40)}\n${CODE.slice(40)} `]) {
      const invite = findInvite(text);
      expect(invite).toMatchObject({ inviteId: ID, inviteSecret: SECRET });
      expect(invite?.urlKey).toEqual(local.slice(0, 32));
      expect(invite?.pin).toEqual(local.slice(32));
    }
  });

  it.each([
    "",
    "bwi_",
    CODE.slice(0, -1),
    `${CODE}A`,
    CODE.replace("bwi_", "bw_"),
    CODE.toUpperCase(),
    CODE.replace(ID, ID.slice(1)),
    `${CODE.slice(0, -1)}!`,
  ])("%j is none", (text) => {
    expect(findInvite(text)).toBeUndefined();
  });
});

describe("the address of an exchange", () => {
  it.each([
    ["exchange.example", false, "https://exchange.example"],
    ["https://exchange.example/some/page?x#y", false, "https://exchange.example"],
    ["http://exchange.example", false, undefined],
    ["http://exchange.example", true, undefined],
    ["http://127.0.0.1:8787", true, "http://127.0.0.1:8787"],
    ["http://127.0.0.1:8787", false, undefined],
    ["http://localhost:8787/", true, "http://localhost:8787"],
    ["https://user:secret@exchange.example", false, undefined],
    ["javascript:alert(1)", true, undefined],
    ["ftp://exchange.example", true, undefined],
    ["", true, undefined],
  ])("%s (local too: %s) is %s", (text, localToo, origin) => {
    expect(findExchangeOrigin(text, { localToo })).toBe(origin);
  });
});
