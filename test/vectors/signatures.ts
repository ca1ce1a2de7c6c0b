/** Vectors of Ed25519 signatures at the edges: small order, second spellings, sums that hold only times eight. */

import { base64urlOf, concatBytes, hexOf, parseHex, utf8Of } from "../../shared/bytes.ts";
import { jcs } from "../../shared/jcs.ts";
import { publicJwkOf, thumbprint } from "../../shared/keys.ts";
import { base64Of } from "../../shared/log/base64.ts";
import { formatVkey, vkeyOf } from "../../shared/log/index.ts";
import {
  add,
  BASE,
  challenge,
  decodePoint,
  encodePoint,
  IDENTITY,
  L,
  littleEndian,
  multiply,
  numberOf,
  type Point,
} from "./edwards.ts";
import { type NamedVector, spelledJson, vector } from "./named-vector.ts";

// Fixed secrets: the scalars of a key and of a nonce, any numbers below L.
const SECRET = 7_700_000_000_000_000_000_000_000_000_000_000_001n;
const NONCE = 4_300_000_000_000_000_000_000_000_000_000_000_007n;
const HONEST = multiply(SECRET, BASE);

// One of the points of order 8; its multiples are all eight points of small order.
const TORSION = decodePoint(
  Uint8Array.from(Buffer.from("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "hex")),
);
const SMALL: [string, Point][] = [
  ["order 1", IDENTITY],
  ["order 8", TORSION],
  ["order 4", multiply(2n, TORSION)],
  ["order 8, minus y", multiply(3n, TORSION)],
  ["order 2", multiply(4n, TORSION)],
  ["order 8, minus x and y", multiply(5n, TORSION)],
  ["order 4, minus x", multiply(6n, TORSION)],
  ["order 8, minus x", multiply(7n, TORSION)],
];
/** All encodings that the points of small order have: eight, and six second spellings. */
const SMALL_ENCODINGS: [string, Uint8Array][] = SMALL.flatMap(([title, point]): [string, Uint8Array][] => [
  [title, encodePoint(point)],
  ...(point.y < 19n ? ([[`${title}, y above p`, encodePoint(point, { aboveP: true })]] as [string, Uint8Array][]) : []),
  ...(point.x === 0n
    ? ([[`${title}, minus zero`, encodePoint(point, { flipSign: true })]] as [string, Uint8Array][])
    : []),
  ...(point.x === 0n && point.y < 19n
    ? ([[`${title}, minus zero, y above p`, encodePoint(point, { aboveP: true, flipSign: true })]] as [
        string,
        Uint8Array,
      ][])
    : []),
]);

type Made = { key: Uint8Array; signature: Uint8Array; message: string };

/** A signature by a key whose secret is known up to a point of small order: S = nonce + k · secret. */
function sign(key: Uint8Array, r: Uint8Array, message: string, { secret = SECRET, nonce = NONCE } = {}): Made {
  const s = (nonce + challenge(r, key, message) * secret) % L;
  return { key, signature: concatBytes([r, littleEndian(s)]), message };
}

/** The first message for which the challenge is what it takes, of a thousand. */
function findMessage(key: Uint8Array, r: Uint8Array, wanted: (k: bigint) => boolean): string {
  for (let number = 0; number < 1000; number++) {
    const message = `test message ${number}`;
    if (wanted(challenge(r, key, message))) return message;
  }
  throw new RangeError("No message found");
}

function edge(title: string, expect: "ok" | "signature_invalid", { key, signature, message }: Made): NamedVector {
  return vector("ed25519", title, expect, { key: hexOf(key), signature: hexOf(signature), message });
}

export async function signatureVectors(): Promise<NamedVector[]> {
  const key = encodePoint(HONEST);
  const r = encodePoint(multiply(NONCE, BASE));
  const honest = sign(key, r, "test message");
  return [
    edge("honest signature", "ok", honest),
    edge("RFC 8032 test 1", "ok", {
      key: bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
      signature: bytes(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
      ),
      message: "",
    }),
    edge("another message", "signature_invalid", { ...honest, message: "test message." }),
    edge("63 bytes", "signature_invalid", { ...honest, signature: honest.signature.subarray(1) }),
    edge("65 bytes", "signature_invalid", { ...honest, signature: concatBytes([honest.signature, Uint8Array.of(0)]) }),
    ...nonCanonicalS(honest),
    ...smallOrderKeys(),
    ...smallOrderR(key),
    ...mixedOrder(),
    edge("key that is no point", "signature_invalid", { ...honest, key: notAPoint() }),
    edge("R that is no point", "signature_invalid", {
      ...honest,
      signature: concatBytes([notAPoint(), honest.signature.subarray(32)]),
    }),
    await envelopeWithSmallR(key),
    noteWithSmallR(key),
  ];
}

// Whoever holds a key can make such a signature: taken by workerd alone, it would split what subscribers accept.
async function envelopeWithSmallR(key: Uint8Array): Promise<NamedVector> {
  const jwk = publicJwkOf(key);
  const base64url = (value: object) => base64urlOf(utf8Of(jcs(value)));
  const signed = {
    protected: base64url({ alg: "Ed25519", kid: await thumbprint(jwk), typ: "bw-release+jws" }),
    payload: base64url({ test: 1 }),
  };
  const { signature } = sign(key, encodePoint(IDENTITY), `${signed.protected}.${signed.payload}`, { nonce: 0n });
  const envelope = {
    payload: signed.payload,
    signatures: [{ protected: signed.protected, signature: base64urlOf(signature) }],
  };
  const given = { bytes: spelledJson(envelope), typ: "bw-release+jws" as const, keys: [jwk], threshold: 1 };
  return vector("envelope", "R of small order", "signature_invalid", given);
}

function noteWithSmallR(key: Uint8Array): NamedVector {
  const vkey = vkeyOf("log.example", publicJwkOf(key));
  const { signature } = sign(key, encodePoint(IDENTITY), "text\n", { nonce: 0n });
  const line = base64Of(concatBytes([parseHex(vkey.keyId), signature]));
  const note = { text: `text\n\n\u2014 log.example ${line}\n` };
  return vector("log-note", "R of small order", "cp_sig", { note, vkeys: [formatVkey(vkey)] });
}

/** RFC 8032 §5.1.7: S is below L, else anybody makes a second signature out of one. */
function nonCanonicalS(honest: Made): NamedVector[] {
  const s = numberOf(honest.signature.subarray(32));
  const withS = (other: bigint) => ({
    ...honest,
    signature: concatBytes([honest.signature.subarray(0, 32), littleEndian(other)]),
  });
  return [
    edge("S plus L", "signature_invalid", withS(s + L)),
    edge("S plus seven times L", "signature_invalid", withS(s + 7n * L)),
    edge("S with the top bit", "signature_invalid", withS(s | (1n << 255n))),
    edge("S of zero", "signature_invalid", withS(0n)),
    edge("S of L", "signature_invalid", withS(L)),
    edge("minus S", "signature_invalid", withS(L - s)),
  ];
}

/** A key of small order: the equation holds for every eighth message or all, whoever signs. */
function smallOrderKeys(): NamedVector[] {
  const r = encodePoint(multiply(NONCE, BASE));
  return SMALL_ENCODINGS.map(([title, key]) => {
    const message = findMessage(key, r, (k) => k % 8n === 0n);
    return edge(`key of ${title}`, "signature_invalid", sign(key, r, message, { secret: 0n }));
  });
}

/** An R of small order with S = k · secret: the equation holds, or holds times eight. */
function smallOrderR(key: Uint8Array): NamedVector[] {
  const alone = SMALL_ENCODINGS.map(([title, r]) =>
    edge(`R of ${title}`, "signature_invalid", sign(key, r, "test message", { nonce: 0n })),
  );
  // R and key cancel each other, so that the equation itself holds: taken by some verifiers, and refused here.
  const mixed = encodePoint(add(HONEST, TORSION));
  const cancelling = SMALL.map(([title, point], multiple) => {
    const r = encodePoint(point);
    const message = findMessage(mixed, r, (k) => (k + BigInt(multiple)) % 8n === 0n);
    return edge(`R of ${title}, made up for by the key`, "signature_invalid", sign(mixed, r, message, { nonce: 0n }));
  });
  return [...alone, ...cancelling];
}

/** Points that are a good one plus one of small order: nothing shows it but the equation. */
function mixedOrder(): NamedVector[] {
  const key = encodePoint(add(HONEST, TORSION));
  const r = encodePoint(add(multiply(NONCE, BASE), multiply(3n, TORSION)));
  const plainR = encodePoint(multiply(NONCE, BASE));
  const plainKey = encodePoint(HONEST);
  return [
    edge(
      "key of mixed order, equation holds",
      "ok",
      sign(
        key,
        plainR,
        findMessage(key, plainR, (k) => k % 8n === 0n),
      ),
    ),
    edge(
      "key of mixed order, equation holds only times eight",
      "signature_invalid",
      sign(
        key,
        plainR,
        findMessage(key, plainR, (k) => k % 8n === 1n),
      ),
    ),
    edge(
      "key and R of mixed order, equation holds",
      "ok",
      sign(
        key,
        r,
        findMessage(key, r, (k) => k % 8n === 5n),
      ),
    ),
    edge(
      "key and R of mixed order, equation holds only times eight",
      "signature_invalid",
      sign(
        key,
        r,
        findMessage(key, r, (k) => k % 8n === 0n),
      ),
    ),
    edge("R of mixed order, equation holds only times eight", "signature_invalid", sign(plainKey, r, "test message")),
  ];
}

function notAPoint(): Uint8Array {
  for (let y = 2n; ; y++) {
    try {
      decodePoint(littleEndian(y));
    } catch {
      return littleEndian(y);
    }
  }
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
