/** Signed bytes: JWS JSON general serialization (RFC 7515 §7.2.1) in one closed form, Ed25519 (RFC 9864) only. */

import { type CryptoKey, FlattenedSign, flattenedVerify } from "jose";
import { z } from "zod";
import { type Bytes, base64urlOf, type Digest, digestOf, findBase64url, findUtf8, utf8Of } from "./bytes.ts";
import { hasSmallOrderR } from "./ed25519.ts";
import { Kid } from "./ids.ts";
import { jcs, parseJcs } from "./jcs.ts";
import { importPublic, isSmallOrder, type PublicJwk, SIGNING_ALG, type SigningKey, thumbprint } from "./keys.ts";
import { ExchangeError } from "./problem.ts";

export const ENVELOPE_MAX_BYTES = 16 * 1024;
export const REPORT_MAX_BYTES = 96 * 1024;
export const SIGNATURES_MAX = 16;
const SIGNATURE_BYTES = 64;

/** A new meaning gets a new type, so that `crit` is never needed and no document passes for another. */
export const ENVELOPE_TYPES = [
  "bw-root+jws",
  "bw-release+jws",
  "bw-recall+jws",
  "bw-report+jws",
  "bw-receipt+jws",
  "bw-recipients+jws",
  "bw-device+jws",
] as const;
export type EnvelopeType = (typeof ENVELOPE_TYPES)[number];

const EnvelopeShape = z.strictObject({
  payload: z.string(),
  signatures: z
    .array(z.strictObject({ protected: z.string(), signature: z.string() }))
    .min(1)
    .max(SIGNATURES_MAX),
});
export type EnvelopeShape = z.infer<typeof EnvelopeShape>;

// The header set is closed: `jwk`, `jku`, `x5c`, `crit` and `b64` are refused by standing outside of it. jose alone
// would accept `b64: false` and an unprotected `header`, so this comes before any call into it.
const HeaderShape = z.strictObject({ alg: z.literal(SIGNING_ALG), kid: Kid, typ: z.enum(ENVELOPE_TYPES) });
export type ProtectedHeader = z.infer<typeof HeaderShape>;

export type ParsedEnvelope = { envelope: EnvelopeShape; protectedHeaders: ProtectedHeader[]; payloadBytes: Bytes };
export type OpenedEnvelope = { payload: unknown; payloadBytes: Bytes; digest: Digest; kids: Kid[] };
export type KeyTable = ReadonlyMap<string, PublicJwk>;
type Limits = { maxBytes?: number };

/**
 * Sign a payload: its bytes are the JCS text, and so are the envelope's, signatures sorted by kid.
 *
 * @returns the envelope's bytes, which are what is stored, logged and relayed
 */
export async function signEnvelope(
  typ: EnvelopeType,
  payload: object,
  keys: readonly SigningKey[],
  limits: Limits = {},
): Promise<Bytes> {
  return signPayloadBytes(typ, utf8Of(jcs(payload)), keys, limits);
}

/** As {@link signEnvelope}, for payload bytes that exist already: they are signed as they are. */
export async function signPayloadBytes(
  typ: EnvelopeType,
  payloadBytes: Uint8Array,
  keys: readonly SigningKey[],
  { maxBytes = ENVELOPE_MAX_BYTES }: Limits = {},
): Promise<Bytes> {
  const sorted = [...keys].sort((a, b) => (a.kid < b.kid ? -1 : 1));
  const signatures: EnvelopeShape["signatures"] = [];
  for (const { kid, privateKey } of sorted) {
    const jws = await new FlattenedSign(payloadBytes)
      .setProtectedHeader({ alg: SIGNING_ALG, kid, typ })
      .sign(privateKey);
    if (jws.protected === undefined) throw new ExchangeError("envelope_header");
    signatures.push({ protected: jws.protected, signature: jws.signature });
  }
  const bytes = utf8Of(jcs({ payload: base64urlOf(payloadBytes), signatures }));
  // What we would refuse to open we do not hand out: two keys of one kid, too many signatures, too large.
  parseEnvelope(bytes, { maxBytes });
  return bytes;
}

/**
 * The envelope's form, before any signature is looked at: nothing in it may be believed yet.
 *
 * @throws ExchangeError `envelope_too_large`, `envelope_format`, `envelope_header`, `envelope_typ`, `jcs_invalid`
 */
export function parseEnvelope(bytes: Uint8Array, { maxBytes = ENVELOPE_MAX_BYTES }: Limits = {}): ParsedEnvelope {
  if (bytes.length > maxBytes) throw new ExchangeError("envelope_too_large", { max_bytes: maxBytes });
  const shape = EnvelopeShape.safeParse(parseJson(bytes));
  if (!shape.success) throw new ExchangeError("envelope_format", { reason: "shape" });
  parseJcs(bytes);
  const envelope = shape.data;
  const payloadBytes = findBase64url(envelope.payload);
  if (payloadBytes === undefined) throw new ExchangeError("envelope_format", { reason: "payload" });
  for (const { signature } of envelope.signatures) {
    if (findBase64url(signature)?.length !== SIGNATURE_BYTES) {
      throw new ExchangeError("envelope_format", { reason: "signature" });
    }
  }
  const protectedHeaders = envelope.signatures.map((signature) => parseHeader(signature.protected));
  checkKids(protectedHeaders);
  return { envelope, protectedHeaders, payloadBytes };
}

function parseJson(bytes: Uint8Array): unknown {
  const text = findUtf8(bytes);
  if (text === undefined) throw new ExchangeError("envelope_format", { reason: "utf8" });
  try {
    return JSON.parse(text);
  } catch {
    throw new ExchangeError("envelope_format", { reason: "json" });
  }
}

function parseHeader(text: string): ProtectedHeader {
  const bytes = findBase64url(text);
  if (bytes === undefined) throw new ExchangeError("envelope_header", { reason: "base64url" });
  let header: unknown;
  try {
    header = parseJcs(bytes);
  } catch (cause) {
    throw new ExchangeError("envelope_header", { reason: "json" }, { cause });
  }
  const result = HeaderShape.safeParse(header);
  if (result.success) return result.data;
  const onlyTyp = result.error.issues.every((issue) => issue.path[0] === "typ");
  throw new ExchangeError(onlyTyp ? "envelope_typ" : "envelope_header", { reason: "members" });
}

// Sorted and each once: one statement with one set of signatures has one spelling, and a key counts once.
function checkKids(headers: readonly ProtectedHeader[]): void {
  for (let i = 1; i < headers.length; i++) {
    const before = (headers[i - 1] as ProtectedHeader).kid;
    const kid = (headers[i] as ProtectedHeader).kid;
    if (before >= kid) throw new ExchangeError("envelope_format", { reason: before === kid ? "kid twice" : "order" });
  }
}

/**
 * Verify, then parse: the only way from an envelope to its payload. Every signature in it must verify by a key of the
 * table; a signature nobody can check is a refusal, not a leftover.
 *
 * @param keys - by kid: those of the role, looked up by the caller, never taken from the envelope
 * @param threshold - how many distinct keys must have signed
 * @param limits - `unknownKids: "skip"` leaves such signatures out instead, for a root whose former keys are not at hand
 * @throws ExchangeError what {@link parseEnvelope} throws, `envelope_typ`, `envelope_kid_unknown`, `signature_invalid`,
 *   `signature_threshold`, and `jcs_invalid` for the payload
 */
export async function openEnvelope(
  bytes: Uint8Array,
  typ: EnvelopeType,
  keys: KeyTable,
  threshold: number,
  { unknownKids = "refuse", ...limits }: Limits & { unknownKids?: "refuse" | "skip" } = {},
): Promise<OpenedEnvelope> {
  // A threshold of 0, or of NaN, would make everything pass.
  if (!Number.isSafeInteger(threshold) || threshold < 1)
    throw new ExchangeError("signature_threshold", { threshold: 0 });
  const parsed = parseEnvelope(bytes, limits);
  for (const header of parsed.protectedHeaders) if (header.typ !== typ) throw new ExchangeError("envelope_typ");
  const signers = parsed.protectedHeaders
    .map(({ kid }, at) => ({ kid, at }))
    .filter(({ kid }) => unknownKids === "refuse" || keys.has(kid));
  const publicKeys = await Promise.all(signers.map(({ kid }) => findKey(keys, kid)));
  await Promise.all(signers.map(({ at }, i) => verifyOne(parsed, at, publicKeys[i] as CryptoKey)));
  const kids = signers.map(({ kid }) => kid);
  if (kids.length < threshold) throw new ExchangeError("signature_threshold", { have: kids.length, threshold });
  const { payloadBytes } = parsed;
  return { payload: parseJcs(payloadBytes), payloadBytes, digest: await digestOf(payloadBytes), kids };
}

async function findKey(keys: KeyTable, kid: Kid): Promise<CryptoKey> {
  const jwk = keys.get(kid);
  // A table that files a key under another's name would let that other one's vote be cast twice.
  if (jwk === undefined || (await thumbprint(jwk)) !== kid) throw new ExchangeError("envelope_kid_unknown", { kid });
  if (isSmallOrder(jwk.x)) throw new ExchangeError("key_invalid", { reason: "small order" });
  return importPublic(jwk);
}

async function verifyOne({ envelope, protectedHeaders }: ParsedEnvelope, at: number, key: CryptoKey): Promise<void> {
  const signature = envelope.signatures[at] as EnvelopeShape["signatures"][number];
  const { kid } = protectedHeaders[at] as ProtectedHeader;
  // The platforms differ on such an R; see ed25519.ts. (The key was checked for the same when it was looked up.)
  if (hasSmallOrderR(findBase64url(signature.signature) as Bytes))
    throw new ExchangeError("signature_invalid", { kid });
  try {
    // One by one: jose's generalVerify would stop at the first good signature.
    await flattenedVerify({ payload: envelope.payload, ...signature }, key, { algorithms: [SIGNING_ALG] });
  } catch (cause) {
    throw new ExchangeError("signature_invalid", { kid }, { cause });
  }
}
