/** The part of a report that only the hotline can read: JWE (RFC 7516) to its listed keys, so the operator cannot. */

import { flattenedDecrypt, GeneralEncrypt, importJWK } from "jose";
import { z } from "zod";
import { type Bytes, base64urlOf, type Digest, digestOf, findBase64url, findUtf8, utf8Of } from "./bytes.ts";
import { Kid, randomBytes } from "./ids.ts";
import { refuseImagery } from "./imagery-gate.ts";
import { jcs } from "./jcs.ts";
import { parseSealingJwk, SealingJwk } from "./keys.ts";
import { ExchangeError } from "./problem.ts";
import { REPORTED_URL_MAX_LENGTH } from "./reported-url.ts";

export const SEALING_ALG = "ECDH-ES+A256KW";
export const SEALING_ENC = "A256GCM";
/** Base64url characters of ciphertext: room for fifty addresses and two pages of text, and for no picture of use. */
export const SEALED_CIPHERTEXT_MAX_CHARS = 24 * 1024;
export const SEALED_PLAINTEXT_MAX_BYTES = (SEALED_CIPHERTEXT_MAX_CHARS / 4) * 3;
/** Analysts and the agent; 40 wrapped keys of about 300 bytes leave the report room under its own limit. */
export const RECIPIENTS_MAX = 40;
/** A ciphertext is as long as its text; steps of this size keep the length of an address to itself. */
export const SEALED_PADDING_BYTES = 512;

export const EXPLANATION_MAX_CHARS = 2_000;
export const HINT_MAX_CHARS = 500;
export const EMERGENCY_REFERENCE_MAX_CHARS = 100;
export const NOTE_MAX_CHARS = 2_000;
export const ACCOUNTS_MAX = 20;
export const LOCATIONS_MAX = 50;
const HANDLE_MAX_CHARS = 200;
const NONCE_BYTES = 32;

const ReportedAddress = z.string().min(1).max(REPORTED_URL_MAX_LENGTH);

export const SealedAccount = z.strictObject({
  service: z.string().min(1).max(HANDLE_MAX_CHARS),
  handle: z.string().min(1).max(HANDLE_MAX_CHARS),
  profile_url: ReportedAddress.optional(),
  relation: z.enum(["poster", "commenter", "depicted", "unknown"]),
});

/** What the flagger wrote and where it is; `locations` stand in the order of the report's own `locations`. */
export const SealedContent = z.strictObject({
  explanation: z.string().max(EXPLANATION_MAX_CHARS).optional(),
  locations: z
    .array(z.strictObject({ url: ReportedAddress, url_canonical: ReportedAddress }))
    .min(1)
    .max(LOCATIONS_MAX),
  accounts: z.array(SealedAccount).max(ACCOUNTS_MAX).optional(),
  child_location_hint: z.string().max(HINT_MAX_CHARS).optional(),
  offender_hint: z.string().max(HINT_MAX_CHARS).optional(),
  emergency_reference: z.string().max(EMERGENCY_REFERENCE_MAX_CHARS).optional(),
});
export type SealedContent = z.infer<typeof SealedContent>;

// The nonce makes the plaintext's digest, which stands in clear, tell nothing about a guessable text.
const Plaintext = z.strictObject({
  content: SealedContent,
  nonce: z.string().refine((text) => findBase64url(text)?.length === NONCE_BYTES),
});

const Note = z.strictObject({ note: z.string().max(NOTE_MAX_CHARS) });

const base64url = (maxChars: number) =>
  z
    .string()
    .min(1)
    .max(maxChars)
    .regex(/^[A-Za-z0-9_-]+$/);
const Recipient = z.strictObject({
  encrypted_key: base64url(64),
  header: z.strictObject({ alg: z.literal(SEALING_ALG), kid: Kid, epk: SealingJwk.optional() }),
});

/** A JWE in general JSON serialization, in the one form that {@link sealFor} writes. */
export const SealedJwe = z.strictObject({
  ciphertext: base64url(SEALED_CIPHERTEXT_MAX_CHARS).refine(isNoText, "not encrypted"),
  iv: base64url(16),
  tag: base64url(22),
  protected: base64url(256),
  recipients: z.array(Recipient).min(1).max(RECIPIENTS_MAX),
});
export type SealedJwe = z.infer<typeof SealedJwe>;

// Random bytes are never UTF-8 for long: what reads as text was left as it was, and would be stored in clear.
function isNoText(ciphertext: string): boolean {
  const bytes = findBase64url(ciphertext);
  return bytes !== undefined && findUtf8(bytes) === undefined;
}

export type Sealed = { sealed: SealedJwe; sealed_digest: Digest };
export type OpenedSeal = { content: SealedContent; plaintext: Bytes };

/**
 * Encrypts to every listed key.
 *
 * @param recipients - the X25519 keys of the hotline's signed list
 * @returns the two members of a report; the digest is over the padded plaintext and binds any later re-wrap to it
 * @throws ExchangeError `imagery_suspected`, `sealed_invalid` (content, or longer than fits), `recipients_missing`
 */
export async function sealFor(
  recipients: readonly { kid: string; jwk: SealingJwk }[],
  content: SealedContent,
  random: (length: number) => Uint8Array = randomBytes,
): Promise<Sealed> {
  refuseImagery(content);
  const checked = SealedContent.safeParse(content);
  if (!checked.success) throw new ExchangeError("sealed_invalid", { reason: "content" });
  const plaintext = padded(
    utf8Of(jcs({ content: withoutUndefined(checked.data), nonce: base64urlOf(random(NONCE_BYTES)) })),
  );
  if (plaintext.length > SEALED_PLAINTEXT_MAX_BYTES) {
    throw new ExchangeError("sealed_invalid", { reason: "length", max_bytes: SEALED_PLAINTEXT_MAX_BYTES });
  }
  return { sealed: await encryptTo(recipients, plaintext), sealed_digest: await digestOf(plaintext) };
}

/** An assessor's note for the case, to the same list: padded and gated like the report's own text. */
export async function sealNote(
  recipients: readonly { kid: string; jwk: SealingJwk }[],
  text: string,
): Promise<SealedJwe> {
  refuseImagery({ note: text });
  if (text.length > NOTE_MAX_CHARS)
    throw new ExchangeError("sealed_invalid", { reason: "length", max_chars: NOTE_MAX_CHARS });
  return encryptTo(recipients, padded(utf8Of(jcs({ note: text }))));
}

/** @throws ExchangeError `sealed_invalid` as {@link openSealed} does */
export async function openNote(jwe: unknown, privateKey: CryptoKey, kid: string): Promise<string> {
  const note = Note.safeParse(parsePlaintextJson(await unwrap(jwe, privateKey, kid)));
  if (!note.success) throw new ExchangeError("sealed_invalid", { reason: "content" });
  return note.data.note;
}

/** Wraps an opened plaintext for a colleague who was not on the list when the report was sent. */
export async function resealFor(plaintext: Uint8Array, newcomer: { kid: string; jwk: SealingJwk }): Promise<SealedJwe> {
  return encryptTo([newcomer], plaintext);
}

/**
 * Opens with one recipient's private key (which may be non-extractable).
 *
 * @param sealedDigest - the report's `sealed_digest`: without it a re-wrap could hold another text
 * @throws ExchangeError `sealed_invalid` with a reason: `form`, `recipient` (not for this key), `decrypt`, `digest`, `content`
 */
export async function openSealed(
  jwe: unknown,
  privateKey: CryptoKey,
  kid: string,
  sealedDigest: string,
): Promise<OpenedSeal> {
  const plaintext = await unwrap(jwe, privateKey, kid);
  if ((await digestOf(plaintext)) !== sealedDigest) throw new ExchangeError("sealed_invalid", { reason: "digest" });
  return { content: parsePlaintext(plaintext), plaintext };
}

async function unwrap(jwe: unknown, privateKey: CryptoKey, kid: string): Promise<Bytes> {
  const { ciphertext, iv, tag, protected: head, recipients } = parseSealed(jwe);
  const mine = recipients.find(({ header }) => header.kid === kid);
  if (mine === undefined) throw new ExchangeError("sealed_invalid", { reason: "recipient" });
  return decrypt({ ciphertext, iv, tag, protected: head, ...mine }, privateKey);
}

/** @throws ExchangeError `sealed_invalid` unless it is the one form with the one pair of algorithms */
export function parseSealed(value: unknown): SealedJwe {
  const result = SealedJwe.safeParse(value);
  if (!result.success || !hasOurHeader(result.data)) throw new ExchangeError("sealed_invalid", { reason: "form" });
  return result.data;
}

// With one recipient jose writes the ephemeral key into the protected header, with several beside each of them.
const ProtectedHeader = z.strictObject({ enc: z.literal(SEALING_ENC), epk: SealingJwk.optional() });

export function hasOurHeader(jwe: SealedJwe): boolean {
  const text = findUtf8(findBase64url(jwe.protected) ?? new Uint8Array([0xff]));
  if (text === undefined) return false;
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    return false; // not JSON is not our header
  }
  const result = ProtectedHeader.safeParse(header);
  if (!result.success) return false;
  const shared = result.data.epk !== undefined;
  return jwe.recipients.every(({ header }) => (header.epk !== undefined) !== shared);
}

async function encryptTo(
  recipients: readonly { kid: string; jwk: SealingJwk }[],
  plaintext: Uint8Array,
): Promise<SealedJwe> {
  if (recipients.length === 0) throw new ExchangeError("recipients_missing");
  const encrypt = new GeneralEncrypt(plaintext).setProtectedHeader({ enc: SEALING_ENC });
  for (const { kid, jwk } of recipients.slice(0, RECIPIENTS_MAX)) {
    const key = await importJWK(parseSealingJwk(jwk), SEALING_ALG);
    encrypt.addRecipient(key).setUnprotectedHeader({ alg: SEALING_ALG, kid });
  }
  return parseSealed(await encrypt.encrypt());
}

async function decrypt(jwe: Parameters<typeof flattenedDecrypt>[0], privateKey: CryptoKey): Promise<Bytes> {
  try {
    const { plaintext } = await flattenedDecrypt(jwe, privateKey, {
      keyManagementAlgorithms: [SEALING_ALG],
      contentEncryptionAlgorithms: [SEALING_ENC],
    });
    return plaintext as Bytes;
  } catch {
    throw new ExchangeError("sealed_invalid", { reason: "decrypt" }); // a cause could quote what was decrypted
  }
}

function parsePlaintext(plaintext: Uint8Array): SealedContent {
  const result = Plaintext.safeParse(parsePlaintextJson(plaintext));
  if (!result.success) throw new ExchangeError("sealed_invalid", { reason: "content" });
  return result.data.content;
}

function parsePlaintextJson(plaintext: Uint8Array): unknown {
  const text = findUtf8(plaintext);
  if (text === undefined) throw new ExchangeError("sealed_invalid", { reason: "content" });
  try {
    return JSON.parse(text);
  } catch {
    throw new ExchangeError("sealed_invalid", { reason: "content" }); // engines quote the text in their message
  }
}

// Spaces after JSON change nothing for its reader.
function padded(bytes: Uint8Array): Bytes {
  const length = Math.ceil(bytes.length / SEALED_PADDING_BYTES) * SEALED_PADDING_BYTES;
  const all = new Uint8Array(length).fill(0x20);
  all.set(bytes);
  return all;
}

// A form hands over `explanation: undefined`; canonical JSON has no such thing.
function withoutUndefined<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
