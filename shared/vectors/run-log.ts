/** Runs the vectors of signatures, notes, checkpoints, tiles and proofs. */

import { type Bytes, base64urlOf, hexOf, parseHex, utf8Of } from "../bytes.ts";
import { isEd25519Signature } from "../ed25519.ts";
import { rawPublicKey } from "../keys.ts";
import { base64Of } from "../log/base64.ts";
import {
  appendLeaves,
  checkAdvance,
  decodeBundle,
  EMPTY_FRONTIER,
  leafHash,
  type NoteSignature,
  openCheckpoint,
  openNote,
  openProof,
  parseTilePath,
  parseVkey,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from "../log/index.ts";
import { ExchangeError } from "../problem.ts";
import { bytesOf, type Spelled } from "./spelled.ts";

type Tree = { size: number; root: string };
type Log = { origin: string; vkey: string; witnesses?: string[] };

/** Hashes and entries are in base64 (padded), as in notes; keys and signatures of `ed25519` in hex. */
export type LogGiven = {
  ed25519: { key: string; signature: string; message: string };
  "log-bundle": { bundle: Spelled; count: number };
  "log-checkpoint": Log & { note: Spelled; held?: Tree };
  "log-consistency": { older: Tree; newer: Tree; proof: string[] };
  "log-inclusion": { leaf: string; index: number; path: string[] } & Tree;
  "log-note": { note: Spelled; vkeys: string[] };
  "log-proof": Log & { proof: string; entry?: string };
  "log-tile": { path: string };
  "log-vkey": { vkey: string };
};

export const LOG_RUNNERS: { [Format in keyof LogGiven]: (given: LogGiven[Format]) => unknown } = {
  ed25519: async ({ key, signature, message }) => {
    const jwk = { crv: "Ed25519", kty: "OKP", x: base64urlOf(parseHex(key)) } as const;
    if (!(await isEd25519Signature(jwk, parseHex(signature), utf8Of(message)))) {
      throw new ExchangeError("signature_invalid");
    }
  },
  "log-bundle": ({ bundle, count }) => {
    const leaves = decodeBundle(bytesOf(bundle), count).map(leafHash);
    return { leaf_hashes: leaves.map(base64Of), root: base64Of(rootOf(appendLeaves(EMPTY_FRONTIER, leaves))) };
  },
  "log-checkpoint": async ({ note, held, ...log }) => {
    const { checkpoint, signatures } = await openCheckpoint(bytesOf(note), trusted(log));
    const before = held && { origin: log.origin, ...treeOf(held) };
    const { size, root } = checkpoint;
    return { size, root: base64Of(root), advance: checkAdvance(before, checkpoint), signatures: spell(signatures) };
  },
  "log-consistency": ({ older, newer, proof }) => {
    verifyConsistency(treeOf(older), treeOf(newer), proof.map(decode));
  },
  "log-inclusion": ({ leaf, index, path, ...tree }) => {
    verifyInclusion({ leaf: decode(leaf), index, path: path.map(decode) }, treeOf(tree));
  },
  "log-note": async ({ note, vkeys }) => {
    const { text, signatures } = await openNote(bytesOf(note), vkeys.map(parseVkey));
    return { text, signatures: spell(signatures) };
  },
  "log-proof": async ({ proof, entry, ...log }) => {
    const opened = await openProof(proof, trusted(log), entry === undefined ? undefined : decode(entry));
    return { index: opened.index, size: opened.checkpoint.size, entry: base64Of(opened.entry) };
  },
  "log-tile": ({ path }) => {
    const tile = parseTilePath(path);
    // A path that is none is an address where nothing lies.
    if (tile === undefined) throw new ExchangeError("not_found");
    return tile;
  },
  "log-vkey": ({ vkey }) => {
    const { name, keyId, type, publicJwk } = parseVkey(vkey);
    return { name, key_id: keyId, type, public_key: hexOf(rawPublicKey(publicJwk)) };
  },
};

function trusted({ origin, vkey, witnesses = [] }: Log) {
  return { origin, vkey: parseVkey(vkey), witnesses: witnesses.map(parseVkey) };
}

function treeOf({ size, root }: Tree): { size: number; root: Uint8Array } {
  return { size, root: decode(root) };
}

function spell(signatures: readonly NoteSignature[]): unknown[] {
  return signatures.map(({ vkey, time }) => ({ name: vkey.name, ...(time === undefined ? {} : { time }) }));
}

function decode(base64: string): Bytes {
  return bytesOf({ base64 });
}
