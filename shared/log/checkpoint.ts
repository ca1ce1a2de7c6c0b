/** Checkpoints: a log's origin, size and root hash in a signed note (C2SP tlog-checkpoint). */

import { type Bytes, equalBytes, findUtf8 } from "../bytes.ts";
import { ExchangeError } from "../problem.ts";
import { base64Of, findBase64 } from "./base64.ts";
import { EMPTY_ROOT, HASH_BYTES } from "./merkle.ts";
import { ED25519, type NoteSignature, type NoteSigner, openNote, parseNote, signNote, type Vkey } from "./note.ts";

/** The address of a checkpoint under the log's URL (tlog-tiles, "Checkpoints"). */
export const CHECKPOINT_PATH = "checkpoint";

/**
 * @property root - 32 bytes, the Merkle tree hash of the first `size` leaves
 * @property extensions - opaque lines after these three; this log writes none
 */
export type Checkpoint = { origin: string; size: number; root: Uint8Array; extensions?: readonly string[] };

/** A checkpoint whose log signature holds. @property note - verbatim: what is stored, relayed and shown as evidence */
export type OpenedCheckpoint = { checkpoint: Checkpoint; note: string; signatures: NoteSignature[] };

const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/** The note text: what a log signs. @throws ExchangeError `cp_format` */
export function formatCheckpoint({ origin, size, root, extensions = [] }: Checkpoint): string {
  const text = [origin, String(size), base64Of(root), ...extensions, ""].join("\n");
  parseCheckpoint(text);
  return text;
}

/**
 * @param text - a note's text, with its final newline
 * @throws ExchangeError `cp_format`
 */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split("\n");
  const last = lines.pop();
  const [origin, size, base64, ...extensions] = lines;
  // tlog-checkpoint, "Note text": at least three lines, none of them empty.
  if (last !== "" || origin === undefined || size === undefined || base64 === undefined || lines.includes("")) {
    throw new ExchangeError("cp_format", { reason: "lines" });
  }
  const root = parseHash(base64);
  const count = parseDecimal(size);
  if (root === undefined) throw new ExchangeError("cp_format", { reason: "root" });
  if (count === undefined) throw new ExchangeError("cp_format", { reason: "size" });
  // No proof is needed from the empty tree to any other, so its root has to be right by itself.
  if (count === 0 && !equalBytes(root, EMPTY_ROOT)) throw new ExchangeError("cp_format", { reason: "empty root" });
  return { origin, size: count, root, ...(extensions.length === 0 ? {} : { extensions }) };
}

/** A number as notes and proofs write it, or undefined: ASCII decimal, no leading zero, below 2^53. */
export function parseDecimal(text: string): number | undefined {
  const number = Number(text);
  return DECIMAL.test(text) && Number.isSafeInteger(number) ? number : undefined;
}

/** One hash of 32 bytes in base64, or undefined. */
export function parseHash(text: string): Bytes | undefined {
  const bytes = findBase64(text);
  return bytes?.length === HASH_BYTES ? bytes : undefined;
}

export function signCheckpoint(checkpoint: Checkpoint, signers: readonly NoteSigner[]): Promise<string> {
  return signNote(formatCheckpoint(checkpoint), signers);
}

/**
 * Verify a checkpoint; nothing of it is returned before the log's own signature held.
 *
 * @param log - the one origin and key it has to bear; `witnesses` are known cosigners, whose lines must hold if present
 * @throws ExchangeError `cp_format`, `cp_origin`, `cp_sig`, `cp_cosig`
 */
export async function openCheckpoint(
  note: string | Uint8Array,
  { origin, vkey, witnesses = [] }: { origin: string; vkey: Vkey; witnesses?: readonly Vkey[] },
): Promise<OpenedCheckpoint> {
  const verbatim = typeof note === "string" ? note : findUtf8(note);
  if (verbatim === undefined) throw new ExchangeError("cp_format", { reason: "not UTF-8" });
  const checkpoint = parseCheckpoint(parseNote(verbatim).text);
  if (checkpoint.origin !== origin) throw new ExchangeError("cp_origin");
  if (vkey.type !== ED25519) throw new ExchangeError("key_invalid", { reason: "type" });
  const { signatures } = await openNote(verbatim, [vkey, ...witnesses]);
  // Cosigners alone never make a checkpoint: only the log's own key says that it is the log's.
  if (!signatures.some((signature) => signature.vkey === vkey)) throw new ExchangeError("cp_sig");
  return { checkpoint, note: verbatim, signatures };
}

/**
 * May this checkpoint follow the one held? Whether it extends it is for the tree to show
 * ({@link verifyConsistency}, or a frontier).
 *
 * @returns `same` for the very state held
 * @throws ExchangeError `cp_rollback` when the log got smaller, `cp_fork` when the same size has another root
 */
export function checkAdvance(held: Checkpoint | undefined, next: Checkpoint): "first" | "same" | "larger" {
  if (held === undefined) return "first";
  if (held.origin !== next.origin) throw new ExchangeError("cp_origin");
  if (next.size < held.size) throw new ExchangeError("cp_rollback", { have: held.size, got: next.size });
  if (next.size > held.size) return "larger";
  if (!equalBytes(held.root, next.root)) throw new ExchangeError("cp_fork", { size: next.size });
  return "same";
}
