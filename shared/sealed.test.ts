import { importJWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { base64urlOf } from "./bytes.ts";
import { generateSealingKey, generateSigningKey, type NewSealingKey } from "./keys.ts";
import { agentPin, openRecipients, type RecipientList, signRecipients } from "./recipients.ts";
import {
  openNote,
  openSealed,
  parseSealed,
  RECIPIENTS_MAX,
  resealFor,
  SEALED_PLAINTEXT_MAX_BYTES,
  type SealedContent,
  sealFor,
  sealNote,
} from "./sealed.ts";
import { SEALED_EXAMPLE } from "./testing/report-example.ts";

const CONTENT: SealedContent = {
  explanation: "Posted today, third page.",
  locations: [{ url: "https://forum.example/t/1", url_canonical: "https://forum.example/t/1" }],
};
let a: NewSealingKey;
let b: NewSealingKey;
let c: NewSealingKey;
beforeAll(async () => {
  [a, b, c] = [
    await generateSealingKey({ extractable: false }),
    await generateSealingKey({ extractable: false }),
    await generateSealingKey({ extractable: false }),
  ];
});
const to = (...keys: NewSealingKey[]) => keys.map(({ kid, publicJwk }) => ({ kid, jwk: publicJwk }));
const refused = (reason: string) =>
  expect.objectContaining({ code: "sealed_invalid", detail: expect.objectContaining({ reason }) });

describe("sealing", () => {
  it.each([1, 2, 3])("opens with any of %d non-extractable keys", async (count) => {
    const keys = [a, b, c].slice(0, count);
    const { sealed, sealed_digest } = await sealFor(to(...keys), CONTENT);
    for (const key of keys) {
      expect(key.privateKey.extractable).toBe(false);
      expect((await openSealed(sealed, key.privateKey, key.kid, sealed_digest)).content).toEqual(CONTENT);
    }
  });

  it("opens what an earlier build sealed", async () => {
    const { key, kid, sealed, sealed_digest } = SEALED_EXAMPLE;
    const privateKey = (await importJWK(key, "ECDH-ES+A256KW")) as Parameters<typeof openSealed>[1];
    expect((await openSealed(sealed, privateKey, kid, sealed_digest)).content.explanation).toBe("Made up.");
  });

  it("does not open for a key that is not listed, nor with another's key", async () => {
    const { sealed, sealed_digest } = await sealFor(to(a, b), CONTENT);
    await expect(openSealed(sealed, c.privateKey, c.kid, sealed_digest)).rejects.toEqual(refused("recipient"));
    await expect(openSealed(sealed, c.privateKey, a.kid, sealed_digest)).rejects.toEqual(refused("decrypt"));
  });

  it.each(["ciphertext", "iv", "tag"] as const)("does not open with a changed %s", async (member) => {
    const { sealed, sealed_digest } = await sealFor(to(a, b), CONTENT);
    const first = sealed[member].startsWith("A") ? "B" : "A";
    const changed = { ...sealed, [member]: first + sealed[member].slice(1) };
    await expect(openSealed(changed, a.privateKey, a.kid, sealed_digest)).rejects.toEqual(refused("decrypt"));
  });

  it("tells nothing of the content: same text, other digest; other text, same length", async () => {
    const [x, y] = [await sealFor(to(a), CONTENT), await sealFor(to(a), CONTENT)];
    expect(x.sealed_digest).not.toBe(y.sealed_digest);
    const longer = await sealFor(to(a), { ...CONTENT, explanation: "Posted today, third page, by the same account." });
    expect(longer.sealed.ciphertext.length).toBe(x.sealed.ciphertext.length);
  });

  it("refuses imagery, what is too long, and a list of nobody", async () => {
    const picture = { ...CONTENT, explanation: "data:image/png;base64,iVBORw0KGgo" };
    await expect(sealFor(to(a), picture)).rejects.toMatchObject({ code: "imagery_suspected" });
    const url = `https://forum.example/${"a".repeat(2_000)}`;
    const many = { locations: Array.from({ length: 5 }, () => ({ url, url_canonical: url })) };
    expect(JSON.stringify(many).length).toBeGreaterThan(SEALED_PLAINTEXT_MAX_BYTES);
    await expect(sealFor(to(a), many)).rejects.toEqual(refused("length"));
    await expect(sealFor([], CONTENT)).rejects.toMatchObject({ code: "recipients_missing" });
    const long = { ...CONTENT, explanation: "a b ".repeat(501) };
    await expect(sealFor(to(a), long)).rejects.toEqual(refused("content"));
  });

  it("seals to no weak key", async () => {
    const weak = { kid: a.kid, jwk: { ...a.publicJwk, x: "A".repeat(43) } };
    await expect(sealFor([weak], CONTENT)).rejects.toMatchObject({ code: "key_invalid" });
  });

  it("takes forty recipients and stays within a report's size", async () => {
    const keys = await Promise.all(
      Array.from({ length: RECIPIENTS_MAX }, () => generateSealingKey({ extractable: false })),
    );
    const { sealed } = await sealFor(to(...keys), { ...CONTENT, explanation: "ä ".repeat(1_000) });
    expect(sealed.recipients).toHaveLength(RECIPIENTS_MAX);
    expect(JSON.stringify(sealed).length).toBeLessThan(32 * 1024);
  });
});

describe("form", () => {
  it.each([
    [
      "another algorithm of the key",
      (jwe: Jwe) => ({
        ...jwe,
        recipients: jwe.recipients.map((one) => ({ ...one, header: { ...one.header, alg: "ECDH-ES" } })),
      }),
    ],
    [
      "another encryption",
      (jwe: Jwe) => ({ ...jwe, protected: base64urlOf(new TextEncoder().encode('{"enc":"A128GCM"}')) }),
    ],
    [
      "compression",
      (jwe: Jwe) => ({ ...jwe, protected: base64urlOf(new TextEncoder().encode('{"enc":"A256GCM","zip":"DEF"}')) }),
    ],
    ["an unprotected header", (jwe: Jwe) => ({ ...jwe, unprotected: {} })],
    ["additional data", (jwe: Jwe) => ({ ...jwe, aad: "AAAA" })],
    ["no recipient", (jwe: Jwe) => ({ ...jwe, recipients: [] })],
    ["too much ciphertext", (jwe: Jwe) => ({ ...jwe, ciphertext: "b".repeat(24 * 1024 + 1) })],
    [
      "text that nobody encrypted",
      (jwe: Jwe) => ({ ...jwe, ciphertext: base64urlOf(new TextEncoder().encode("in clear ü")) }),
    ],
    ["a header that is no JSON", (jwe: Jwe) => ({ ...jwe, protected: "AAAA" })],
    ["text", () => "sealed"],
  ])("refuses %s", async (_, change) => {
    const { sealed } = await sealFor(to(a, b), CONTENT);
    expect(() => parseSealed(change(sealed))).toThrow(expect.objectContaining({ code: "sealed_invalid" }));
  });
});
type Jwe = Awaited<ReturnType<typeof sealFor>>["sealed"];

describe("wrapping again", () => {
  it("lets a newcomer read the same text", async () => {
    const { sealed, sealed_digest } = await sealFor(to(a, b), CONTENT);
    const { plaintext } = await openSealed(sealed, a.privateKey, a.kid, sealed_digest);
    const again = await resealFor(plaintext, { kid: c.kid, jwk: c.publicJwk });
    expect((await openSealed(again, c.privateKey, c.kid, sealed_digest)).content).toEqual(CONTENT);
  });

  it("cannot change what the flagger wrote", async () => {
    const { sealed_digest } = await sealFor(to(a), CONTENT);
    const other = await sealFor(to(a), { ...CONTENT, explanation: "Something else." });
    const { plaintext } = await openSealed(other.sealed, a.privateKey, a.kid, other.sealed_digest);
    const forged = await resealFor(plaintext, { kid: c.kid, jwk: c.publicJwk });
    await expect(openSealed(forged, c.privateKey, c.kid, sealed_digest)).rejects.toEqual(refused("digest"));
  });
});

describe("notes", () => {
  it("open for the list and refuse imagery and length", async () => {
    const jwe = await sealNote(to(a, b), "Seen at 10:04.");
    expect(await openNote(jwe, b.privateKey, b.kid)).toBe("Seen at 10:04.");
    await expect(sealNote(to(a), "iVBORw0KGgoAAAANSUhEUg")).rejects.toMatchObject({ code: "imagery_suspected" });
    await expect(sealNote(to(a), "a ".repeat(1_001))).rejects.toEqual(refused("length"));
    const { sealed } = await sealFor(to(a), CONTENT);
    await expect(openNote(sealed, a.privateKey, a.kid)).rejects.toEqual(refused("content"));
  });
});

describe("the list of recipients", () => {
  async function list(change: Partial<RecipientList> = {}) {
    const agent = await generateSigningKey({ extractable: false });
    const payload: RecipientList = {
      hotline: "hotline",
      version: 3,
      iat: 1_795_000_000,
      signing_key: agent.publicJwk,
      recipients: [
        { kid: a.kid, jwk: a.publicJwk, role: "agent" },
        { kid: b.kid, jwk: b.publicJwk, role: "analyst", person: "p1" },
      ],
      ...change,
    };
    return { agent, payload, pin: await agentPin(agent.kid) };
  }

  it("opens by the pin of the invite, or by the agent's key", async () => {
    const { agent, payload, pin } = await list();
    const bytes = await signRecipients(payload, agent);
    expect((await openRecipients(bytes, { pin })).list).toEqual(payload);
    expect((await openRecipients(bytes, { signingKey: agent.publicJwk, afterVersion: 3 })).kid).toBe(agent.kid);
  });

  it("does not open by another pin: an exchange cannot put its own list in the place", async () => {
    const [mine, theirs] = [await list(), await list()];
    const bytes = await signRecipients(theirs.payload, theirs.agent);
    await expect(openRecipients(bytes, { pin: mine.pin })).rejects.toMatchObject({ code: "recipients_invalid" });
    await expect(openRecipients(bytes, { signingKey: mine.agent.publicJwk })).rejects.toMatchObject({
      code: "recipients_invalid",
    });
  });

  it("does not go back to an older list", async () => {
    const { agent, payload, pin } = await list();
    const bytes = await signRecipients(payload, agent);
    await expect(openRecipients(bytes, { pin, afterVersion: 4 })).rejects.toMatchObject({ code: "recipients_version" });
  });

  it("does not open when a byte changed", async () => {
    const { agent, payload, pin } = await list();
    const text = new TextDecoder().decode(await signRecipients(payload, agent));
    const other = new TextDecoder().decode(await signRecipients({ ...payload, version: 9 }, agent));
    const swapped = text.replace(/"payload":"[^"]+"/, /"payload":"[^"]+"/.exec(other)?.[0] as string);
    await expect(openRecipients(new TextEncoder().encode(swapped), { pin })).rejects.toMatchObject({
      code: "signature_invalid",
    });
  });

  it.each([
    ["no agent", () => ({ recipients: [{ kid: b.kid, jwk: b.publicJwk, role: "analyst" as const }] })],
    [
      "a name that is another key's",
      () => ({ recipients: [{ kid: b.kid, jwk: a.publicJwk, role: "agent" as const }] }),
    ],
    [
      "a key twice",
      () => ({ recipients: [0, 1].map(() => ({ kid: a.kid, jwk: a.publicJwk, role: "agent" as const })) }),
    ],
  ])("is not signed with %s", async (_, change) => {
    const { agent, payload } = await list(change());
    await expect(signRecipients(payload, agent)).rejects.toMatchObject({ code: "recipients_invalid" });
  });
});
