/** Vectors of envelopes, roots and releases. */

import { base64urlOf, digestOf, utf8Of } from "../../shared/bytes.ts";
import { signEnvelope, signPayloadBytes } from "../../shared/envelope.ts";
import { jcs } from "../../shared/jcs.ts";
import type { SigningKey } from "../../shared/keys.ts";
import { type ReleaseStatement, signRelease, statementBytes } from "../../shared/release.ts";
import { openRoot, type Root, rootDigest, signRoot } from "../../shared/root.ts";
import { type ExamplePublisher, exampleKeys, exampleRoot, NOW } from "../../shared/testing/examples.ts";
import { fixedKey } from "../../shared/testing/keys.ts";
import { type NamedVector, parsed, spelled, spelledJson, vector } from "./named-vector.ts";

const TYP = "bw-release+jws";
const PAYLOAD = { a: 1, b: ["x"] };
const DIGEST = `sha256:${"1".repeat(64)}` as const;
type Signatures = { payload: string; signatures: { protected: string; signature: string }[] };

/** An envelope with any protected header text, really signed. */
async function forged(header: string, { privateKey }: SigningKey, payload = jcs(PAYLOAD)): Promise<object> {
  const protectedText = base64urlOf(utf8Of(header));
  const payloadText = base64urlOf(utf8Of(payload));
  const input = utf8Of(`${protectedText}.${payloadText}`);
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, input));
  return { payload: payloadText, signatures: [{ protected: protectedText, signature: base64urlOf(signature) }] };
}

async function envelopeVectors({ root1, root2, spare }: ExamplePublisher): Promise<NamedVector[]> {
  const keys = [root1.publicJwk, root2.publicJwk];
  const make = (title: string, expect: string, bytes: Uint8Array | object, threshold = 1, gives?: unknown) =>
    vector(
      "envelope",
      title,
      expect,
      { bytes: bytes instanceof Uint8Array ? spelled(bytes) : spelledJson(bytes), typ: TYP, keys, threshold },
      gives,
    );
  const good = await signEnvelope(TYP, PAYLOAD, [root1]);
  const both = parsed(await signEnvelope(TYP, PAYLOAD, [root1, root2])) as Signatures;
  const [first, second] = both.signatures as [Signatures["signatures"][number], Signatures["signatures"][number]];
  const goodShape = parsed(good) as Signatures;
  const header = { alg: "Ed25519", kid: root1.kid, typ: TYP };
  const headed = async (title: string, change: object, expect = "envelope_header") =>
    make(title, expect, await forged(jcs({ ...header, ...change }), root1));
  const many = await Promise.all(Array.from({ length: 17 }, (_, i) => fixedKey(`many ${i}`)));
  const seventeen = {
    payload: goodShape.payload,
    signatures: await Promise.all(
      many
        .sort((a, b) => (a.kid < b.kid ? -1 : 1))
        .map(async (key) => (parsed(await signEnvelope(TYP, PAYLOAD, [key])) as Signatures).signatures[0]),
    ),
  };
  const gives = { payload: PAYLOAD, digest: await digestOf(utf8Of(jcs(PAYLOAD))) };
  return [
    make("one signature", "ok", good, 1, { ...gives, kids: [root1.kid] }),
    make("two signatures", "ok", both, 2, { ...gives, kids: [root1.kid, root2.kid].sort() }),
    make("wrong signature", "signature_invalid", { ...goodShape, payload: base64urlOf(utf8Of('{"a":2}')) }),
    make("one good and one wrong signature", "signature_invalid", {
      ...both,
      signatures: [first, { ...second, signature: first.signature }],
    }),
    make("missing signature", "envelope_format", { ...goodShape, signatures: [] }),
    make("unknown kid", "envelope_kid_unknown", await signEnvelope(TYP, PAYLOAD, [spare])),
    make("too few signatures for the threshold", "signature_threshold", good, 2),
    make("the same signature twice", "envelope_format", {
      ...goodShape,
      signatures: [goodShape.signatures[0], goodShape.signatures[0]],
    }),
    make("signatures that are not sorted", "envelope_format", { ...both, signatures: [second, first] }),
    make("seventeen signatures", "envelope_format", seventeen),
    make("unprotected header", "envelope_format", {
      ...goodShape,
      signatures: [{ ...goodShape.signatures[0], header: { kid: "x" } }],
    }),
    make("other member", "envelope_format", { ...goodShape, note: "x" }),
    make("flattened serialization", "envelope_format", { payload: goodShape.payload, ...goodShape.signatures[0] }),
    make("padded payload", "envelope_format", { ...goodShape, payload: `${goodShape.payload}=` }),
    make("white space in the envelope", "jcs_invalid", utf8Of(JSON.stringify(goodShape, null, 1))),
    make("repeated member in the envelope", "jcs_invalid", utf8Of(jcs(goodShape).replace("{", '{"payload":"AAAA",'))),
    make("picture", "envelope_format", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)),
    make(
      "picture as payload",
      "jcs_invalid",
      await signPayloadBytes(TYP, Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a), [root1]),
    ),
    make("too large", "envelope_too_large", { ...goodShape, payload: base64urlOf(new Uint8Array(13_000)) }),
    make("payload that is not canonical", "jcs_invalid", await signPayloadBytes(TYP, utf8Of('{ "a":1}'), [root1])),
    make(
      "payload with a repeated member",
      "jcs_invalid",
      await signPayloadBytes(TYP, utf8Of('{"a":1,"a":1}'), [root1]),
    ),
    make("other type", "envelope_typ", await signEnvelope("bw-root+jws", PAYLOAD, [root1])),
    await headed("alg EdDSA", { alg: "EdDSA" }),
    await headed("alg none", { alg: "none" }),
    await headed("alg HS256", { alg: "HS256" }),
    await headed("b64 false", { b64: false }),
    await headed("crit", { crit: ["b64"] }),
    await headed("own key in the header", { jwk: root1.publicJwk }),
    await headed("key address in the header", { jku: "https://keys.example/" }),
    await headed("unknown type", { typ: "JWT" }, "envelope_typ"),
    make(
      "header with a repeated member",
      "envelope_header",
      await forged(jcs(header).replace("{", '{"alg":"none",'), root1),
    ),
    make(
      "header that is not canonical",
      "envelope_header",
      await forged(JSON.stringify({ typ: TYP, alg: "Ed25519", kid: root1.kid }), root1),
    ),
  ];
}

async function rootVectors(keys: ExamplePublisher): Promise<NamedVector[]> {
  const { root1, root2, release, spare } = keys;
  const first = await signRoot(exampleRoot(keys), [root1]);
  const digest = await rootDigest(first);
  const next = (changes: Partial<Root> = {}): Root =>
    exampleRoot(keys, {
      keys: { [root2.kid]: root2.publicJwk, [release.kid]: release.publicJwk } as Root["keys"],
      roles: { release: { kids: [release.kid], threshold: 1 }, root: { kids: [root2.kid], threshold: 1 } },
      prev: digest,
      version: 2,
      ...changes,
    });
  const second = await signRoot(next(), [root1, root2]);
  const make = (title: string, expect: string, roots: Uint8Array[], more: object = {}, gives?: unknown) =>
    vector("root", title, expect, { roots: roots.map(spelled), now: NOW + 60, ...more }, gives);
  const shaped = async (title: string, changes: object, expect = "root_invalid") =>
    make(title, expect, [await signEnvelope("bw-root+jws", { ...exampleRoot(keys), ...changes }, [root1])]);
  const roles = exampleRoot(keys).roles;
  return [
    make("first root", "ok", [first], {}, { version: 1, digest }),
    make("rotation signed by old and new", "ok", [first, second], {}, { version: 2, digest: await rootDigest(second) }),
    make("the same root again", "ok", [first, first]),
    make("pinned version 2", "ok", [second], { pin: { version: 2, digest: await rootDigest(second) } }),
    make("not the pinned root", "root_pin", [second], { pin: { version: 2, digest } }),
    make("rotation signed by the old keys only", "signature_threshold", [first, await signRoot(next(), [root1])]),
    make("rotation signed by the new keys only", "signature_threshold", [first, await signRoot(next(), [root2])]),
    make("rotation with a stranger's signature", "envelope_kid_unknown", [
      first,
      await signRoot(next(), [root1, root2, spare]),
    ]),
    make("other root of the same version", "root_fork", [
      first,
      second,
      await signRoot(next({ exp: NOW + 9999 }), [root1, root2]),
    ]),
    make("version that skips one", "root_gap", [first, await signRoot(next({ version: 3 }), [root1, root2])]),
    make("version 2 first", "root_gap", [second]),
    make("older version, which the newest keys did not sign", "signature_threshold", [first, second, first]),
    make("other predecessor", "root_chain", [first, await signRoot(next({ prev: DIGEST }), [root1, root2])]),
    make("expired", "root_expired", [first], { now: exampleRoot(keys).exp }),
    make("from the future", "root_time", [first], { now: NOW - 301 }),
    make("signed by the release key", "envelope_kid_unknown", [await signRoot(exampleRoot(keys), [release])]),
    await shaped("threshold above the number of keys", { roles: { ...roles, root: { ...roles.root, threshold: 2 } } }),
    await shaped("threshold of zero", { roles: { ...roles, release: { ...roles.release, threshold: 0 } } }),
    await shaped("key in two roles", { roles: { ...roles, release: roles.root } }),
    await shaped("key that no role lists", { keys: { ...exampleRoot(keys).keys, [spare.kid]: spare.publicJwk } }),
    await shaped("key under the kid of another", {
      keys: { [root1.kid]: root1.publicJwk, [release.kid]: spare.publicJwk },
    }),
    await shaped("private key inside", { keys: { ...exampleRoot(keys).keys, [release.kid]: release.privateJwk } }),
    await shaped("other member", { note: "x" }),
    await shaped("no home log", { logs: [] }),
    await shaped("lifetime of three years", { exp: NOW + 3 * 366 * 86_400 }),
  ];
}

async function releaseVectors(keys: ExamplePublisher): Promise<NamedVector[]> {
  const { root1, release, spare } = keys;
  const rootBytes = await signRoot(exampleRoot(keys), [root1]);
  await openRoot(rootBytes);
  const base = {
    exp: NOW + 86_400,
    iat: NOW,
    manifest: DIGEST,
    manifest_size: 1000,
    prev: null,
    publisher: "hotline.example",
    release: 1,
    root: 1,
    set: "verified",
  } as ReleaseStatement;
  const statement = (changes: object = {}): ReleaseStatement => ({ ...base, ...changes }) as ReleaseStatement;
  const one = await signRelease(base, [release]);
  const prev = await digestOf(statementBytes(base));
  const twoStatement = statement({ release: 2, prev });
  const two = await signRelease(twoStatement, [release]);
  const make = (title: string, expect: string, releases: Uint8Array[], now = NOW + 60, gives?: unknown) =>
    vector("release", title, expect, { roots: [spelled(rootBytes)], releases: releases.map(spelled), now }, gives);
  const after = async (title: string, expect: string, changes: object) =>
    make(title, expect, [
      one,
      two,
      await signRelease(statement({ release: 3, prev: await digestOf(statementBytes(twoStatement)), ...changes }), [
        release,
      ]),
    ]);
  const shaped = async (title: string, changes: object) =>
    make(title, "release_invalid", [await signEnvelope("bw-release+jws", { ...base, ...changes }, [release])]);
  const closed = statement({ closed: true });
  const afterClosed = statement({ release: 2, prev: await digestOf(statementBytes(closed)) });
  return [
    make("first release", "ok", [one], undefined, { release: 1, digest: prev }),
    make("second release", "ok", [one, two], undefined, {
      release: 2,
      digest: await digestOf(statementBytes(twoStatement)),
    }),
    make("the same release again", "ok", [one, two, two]),
    await after("third release", "ok", {}),
    await after("number too low", "release_rollback", { release: 1, prev: null }),
    await after("number too high", "release_gap", { release: 4 }),
    await after("number repeated with other bytes", "release_fork", { release: 2, prev, exp: NOW + 9999 }),
    await after("wrong predecessor", "release_chain", { prev: DIGEST }),
    await after("time that falls", "release_time", { iat: NOW - 1 }),
    await after("lifetime above 30 days", "release_time", { exp: NOW + 31 * 86_400 }),
    await after("other set", "release_invalid", { set: "other" }),
    make("starts at 2", "release_gap", [two]),
    make("expired", "release_expired", [one], NOW + 86_400),
    make("from the future", "release_time", [one], NOW - 301),
    make("after the last one of a closed set", "release_closed", [
      await signRelease(closed, [release]),
      await signRelease(afterClosed, [release]),
    ]),
    make("signed by the root key", "envelope_kid_unknown", [await signRelease(base, [root1])]),
    make("signed by a stranger", "envelope_kid_unknown", [await signRelease(base, [spare])]),
    make("other root version", "release_root", [await signRelease(statement({ root: 2 }), [release])]),
    make("other publisher", "publisher_mismatch", [
      await signRelease(statement({ publisher: "other.example" }), [release]),
    ]),
    make("root as a release", "envelope_typ", [rootBytes]),
    await shaped("other member", { note: "x" }),
    await shaped("count in the statement", { entries: 5 }),
    await shaped("release 0", { release: 0 }),
    await shaped("release 2 without predecessor", { release: 2 }),
    await shaped("manifest above a megabyte", { manifest_size: 2 ** 20 + 1 }),
    await shaped("digest in upper case", { manifest: `sha256:${"A".repeat(64)}` }),
  ];
}

export async function trustVectors(): Promise<NamedVector[]> {
  const keys = await exampleKeys();
  return [...(await envelopeVectors(keys)), ...(await rootVectors(keys)), ...(await releaseVectors(keys))];
}
