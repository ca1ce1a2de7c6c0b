/** Signed notes: a text, an empty line, one line a signature (C2SP signed-note). Ed25519 through WebCrypto only. */

import type { CryptoKey } from "jose";
import { type Bytes, concatBytes, findUtf8, hexOf, parseHex, utf8Of } from "../bytes.ts";
import { ED25519_SIGNATURE_BYTES, isEd25519Signature } from "../ed25519.ts";
import { SIGNING_ALG } from "../keys.ts";
import { ExchangeError } from "../problem.ts";
import { base64Of, findBase64 } from "./base64.ts";
import { COSIGNATURE_V1, ED25519, hasControl, isKeyName, type Vkey } from "./vkey.ts";

export { COSIGNATURE_V1, ED25519, formatVkey, parseVkey, type SignatureType, type Vkey, vkeyOf } from "./vkey.ts";

export const NOTE_MAX_BYTES = 64 * 1024;
/** signed-note, "Format", wants at least 16 taken; more than anybody collects is somebody making us work. */
export const NOTE_SIGNATURES_MAX = 100;

const DASH = "\u2014 ";
const KEY_ID_BYTES = 4;
const TIME_BYTES = 8;

export type NoteSigner = { vkey: Vkey; privateKey: CryptoKey };
/** A line as it stands in the note; nothing is known of it yet. */
export type SignatureLine = { name: string; keyId: string; signature: Bytes };
/** @property text - with its final newline, without the empty line: what is signed */
export type ParsedNote = { text: string; lines: SignatureLine[] };
/** A signature that verified. @property time - POSIX seconds; cosignatures only */
export type NoteSignature = { vkey: Vkey; time?: number };
export type OpenedNote = { text: string; signatures: NoteSignature[] };

/**
 * Sign a text with Ed25519 keys (signature type 0x01).
 *
 * @param text - ends in a newline, holds no other control character
 * @returns the whole note
 */
export async function signNote(text: string, signers: readonly NoteSigner[]): Promise<string> {
  if (!isNoteText(text)) throw new ExchangeError("cp_format", { reason: "text" });
  if (signers.length === 0) throw new ExchangeError("cp_sig", { reason: "no signer" });
  const lines = await Promise.all(signers.map((signer) => signatureLine(text, signer)));
  return checkedNote(`${text}\n${lines.join("")}`);
}

async function signatureLine(text: string, { vkey, privateKey }: NoteSigner): Promise<string> {
  if (vkey.type !== ED25519) throw new ExchangeError("key_invalid", { reason: "type" });
  return formatLine(vkey, await sign(privateKey, utf8Of(text)));
}

/**
 * A witness's line under a note (C2SP tlog-cosignature, "Ed25519 signed message"), to be put at its end.
 *
 * @param time - POSIX seconds, when the witness saw that the log only grew
 */
export async function cosignatureLine(text: string, { vkey, privateKey }: NoteSigner, time: number): Promise<string> {
  if (vkey.type !== COSIGNATURE_V1) throw new ExchangeError("key_invalid", { reason: "type" });
  if (!isNoteText(text) || !Number.isSafeInteger(time) || time < 0) throw new ExchangeError("cp_format");
  const timeBytes = new Uint8Array(TIME_BYTES);
  new DataView(timeBytes.buffer).setBigUint64(0, BigInt(time));
  return formatLine(vkey, concatBytes([timeBytes, await sign(privateKey, cosignedMessage(text, BigInt(time)))]));
}

/** Add signature lines, one's own or a witness's, to a note. The note is not verified by this. */
export function appendSignatures(note: string, lines: readonly string[]): string {
  parseNote(note);
  return checkedNote(note + lines.join(""));
}

/**
 * The shape of a note, strictly; nothing in it is to be believed before {@link openNote}.
 *
 * @throws ExchangeError `cp_format`
 */
export function parseNote(note: string | Uint8Array): ParsedNote {
  const whole = noteString(note);
  // signed-note, "Format": the last empty line separates, since the text may hold empty lines itself.
  const split = whole.lastIndexOf("\n\n");
  if (split === -1) throw new ExchangeError("cp_format", { reason: "no signatures" });
  const text = whole.slice(0, split + 1);
  const signed = whole.slice(split + 2);
  if (!isNoteText(text) || !signed.endsWith("\n")) throw new ExchangeError("cp_format", { reason: "text" });
  const lines = signed.slice(0, -1).split("\n");
  if (lines.length > NOTE_SIGNATURES_MAX) throw new ExchangeError("cp_format", { reason: "too many signatures" });
  return { text, lines: lines.map(parseLine) };
}

/**
 * Verify every signature by a known key; lines of others are ignored (signed-note, "Signatures").
 *
 * @param vkeys - the keys that are trusted here, whatever for; the caller sees which of them signed
 * @returns the text and one signature a key; of a key's several cosignatures the newest
 * @throws ExchangeError `cp_format`; `cp_sig` when no known key signed or a known log key's signature fails;
 *   `cp_cosig` when a known witness's fails
 */
export async function openNote(note: string | Uint8Array, vkeys: readonly Vkey[]): Promise<OpenedNote> {
  const { text, lines } = parseNote(note);
  const verified = new Map<Vkey, NoteSignature>();
  for (const { name, keyId, signature } of lines) {
    const vkey = vkeys.find((known) => known.name === name && known.keyId === keyId);
    if (vkey === undefined) continue;
    const time = await verify(text, vkey, signature);
    const newer = (time ?? 0) > (verified.get(vkey)?.time ?? -1);
    if (newer) verified.set(vkey, time === undefined ? { vkey } : { vkey, time });
  }
  if (verified.size === 0) throw new ExchangeError("cp_sig", { reason: "no known key" });
  return { text, signatures: [...verified.values()] };
}

/** @returns the time of a cosignature */
async function verify(text: string, vkey: Vkey, signature: Bytes): Promise<number | undefined> {
  if (vkey.type === ED25519) {
    if (await isEd25519Signature(vkey.publicJwk, signature, utf8Of(text))) return undefined;
    throw new ExchangeError("cp_sig", { name: vkey.name });
  }
  if (signature.length === TIME_BYTES + ED25519_SIGNATURE_BYTES) {
    const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
    const holds = await isEd25519Signature(vkey.publicJwk, signature.subarray(TIME_BYTES), cosignedMessage(text, time));
    // Times past 2^53 s are allowed on the wire, mean nothing, and would not fit a number.
    if (holds && time <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(time);
  }
  throw new ExchangeError("cp_cosig", { name: vkey.name });
}

async function sign(key: CryptoKey, message: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign(SIGNING_ALG, key, message));
}

// The header line keeps a cosignature from passing for a log's own signature over the same text.
function cosignedMessage(text: string, time: bigint): Bytes {
  return utf8Of(`cosignature/v1\ntime ${time}\n${text}`);
}

function formatLine({ name, keyId }: Vkey, signature: Uint8Array): string {
  return `${DASH}${name} ${base64Of(concatBytes([parseHex(keyId), signature]))}\n`;
}

function parseLine(line: string): SignatureLine {
  if (line.startsWith(DASH)) {
    const [name = "", base64, more] = line.slice(DASH.length).split(" ");
    const bytes = findBase64(base64 ?? "");
    if (isKeyName(name) && more === undefined && bytes !== undefined && bytes.length > KEY_ID_BYTES) {
      return { name, keyId: hexOf(bytes.subarray(0, KEY_ID_BYTES)), signature: bytes.slice(KEY_ID_BYTES) };
    }
  }
  throw new ExchangeError("cp_format", { reason: "signature line" });
}

function noteString(note: string | Uint8Array): string {
  const bytes = typeof note === "string" ? utf8Of(note) : note;
  if (bytes.length > NOTE_MAX_BYTES) throw new ExchangeError("cp_format", { reason: "too large" });
  const text = typeof note === "string" ? note : findUtf8(bytes);
  if (text === undefined || !text.isWellFormed()) throw new ExchangeError("cp_format", { reason: "not UTF-8" });
  return text;
}

// A text may be empty but for its newline; an empty string cannot be told from a missing one.
function isNoteText(text: string): boolean {
  return text.endsWith("\n") && text.isWellFormed() && !hasControl(text.replaceAll("\n", ""));
}

function checkedNote(note: string): string {
  parseNote(note);
  return note;
}
