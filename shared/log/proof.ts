/** One text that shows offline that an entry is in a log (C2SP tlog-proof). */

import { utf8Of } from "../bytes.ts";
import { ExchangeError } from "../problem.ts";
import { base64Of, findBase64 } from "./base64.ts";
import { type OpenedCheckpoint, openCheckpoint, parseDecimal, parseHash } from "./checkpoint.ts";
import { leafHash } from "./merkle.ts";
import { PATH_MAX_HASHES, verifyInclusion } from "./merkle-proof.ts";
import { NOTE_MAX_BYTES, parseNote, type Vkey } from "./note.ts";

const FIRST_LINE = "c2sp.org/tlog-proof@v1";
const EXTRA = "extra ";
const INDEX = "index ";
/** A note, and an envelope as large as a log entry can be, in base64. */
export const PROOF_MAX_BYTES: number = 3 * NOTE_MAX_BYTES;

/**
 * @property extra - here always the log entry itself, an envelope; nothing vouches for it but {@link openProof}
 * @property path - sibling of the leaf first
 * @property checkpoint - the signed note, verbatim
 */
export type LogProof = { extra?: Uint8Array; index: number; path: readonly Uint8Array[]; checkpoint: string };

/** @throws ExchangeError `proof_invalid` */
export function formatProof({ extra, index, path, checkpoint }: LogProof): string {
  const head = [FIRST_LINE, ...(extra === undefined ? [] : [EXTRA + base64Of(extra)]), `${INDEX}${index}`];
  const text = `${[...head, ...path.map(base64Of)].join("\n")}\n\n${checkpoint}`;
  parseProof(text);
  return text;
}

/**
 * The shape only; nothing in it is to be believed before {@link openProof}.
 *
 * @throws ExchangeError `proof_invalid`; `cp_format` when the checkpoint in it is not a note
 */
export function parseProof(text: string): LogProof {
  if (utf8Of(text).length > PROOF_MAX_BYTES) throw new ExchangeError("proof_invalid", { reason: "too large" });
  const split = text.indexOf("\n\n");
  if (split === -1) throw new ExchangeError("proof_invalid", { reason: "no checkpoint" });
  const lines = text.slice(0, split).split("\n");
  if (lines.shift() !== FIRST_LINE) throw new ExchangeError("proof_invalid", { reason: "first line" });
  const extra = lines[0]?.startsWith(EXTRA) ? parseExtra(lines.shift() as string) : undefined;
  const index = parseIndex(lines.shift());
  if (lines.length > PATH_MAX_HASHES) throw new ExchangeError("proof_invalid", { reason: "path length" });
  const path = lines.map(parsePathLine);
  const checkpoint = text.slice(split + 2);
  parseNote(checkpoint);
  return { ...(extra === undefined ? {} : { extra }), index, path, checkpoint };
}

/**
 * Verify a proof: the checkpoint is the log's, and the entry is at the index in its tree
 * (tlog-proof, "Verifying a tlog proof").
 *
 * @param log - origin and key that are trusted; of its witnesses' lines those that are known must hold
 * @param entry - the log entry; by default the `extra` of the proof, which this then vouches for
 * @throws ExchangeError `proof_invalid`, `cp_format`, `cp_origin`, `cp_sig`, `cp_cosig`, `not_logged`
 */
export async function openProof(
  text: string,
  log: { origin: string; vkey: Vkey; witnesses?: readonly Vkey[] },
  entry?: Uint8Array,
): Promise<OpenedCheckpoint & { entry: Uint8Array; index: number }> {
  const { extra, index, path, checkpoint } = parseProof(text);
  const opened = await openCheckpoint(checkpoint, log);
  const proven = entry ?? extra;
  if (proven === undefined) throw new ExchangeError("proof_invalid", { reason: "no entry" });
  verifyInclusion({ leaf: leafHash(proven), index, path }, opened.checkpoint);
  return { ...opened, entry: proven, index };
}

function parseExtra(line: string): Uint8Array {
  const bytes = findBase64(line.slice(EXTRA.length));
  if (bytes === undefined) throw new ExchangeError("proof_invalid", { reason: "extra" });
  return bytes;
}

function parseIndex(line: string | undefined): number {
  const index = line?.startsWith(INDEX) ? parseDecimal(line.slice(INDEX.length)) : undefined;
  if (index === undefined) throw new ExchangeError("proof_invalid", { reason: "index" });
  return index;
}

function parsePathLine(line: string): Uint8Array {
  const hash = parseHash(line);
  if (hash === undefined) throw new ExchangeError("proof_invalid", { reason: "path" });
  return hash;
}
