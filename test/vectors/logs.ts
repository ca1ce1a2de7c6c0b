/** Vectors of notes, checkpoints, tiles, bundles and proofs. */

import { concatBytes, utf8Of } from "../../shared/bytes.ts";
import { base64Of } from "../../shared/log/base64.ts";
import {
  appendSignatures,
  consistencyProof,
  cosignatureLine,
  encodeBundle,
  formatCheckpoint,
  formatProof,
  formatVkey,
  inclusionProof,
  leafHash,
  signCheckpoint,
  signNote,
} from "../../shared/log/index.ts";
import { fixedSigner, growLog, LOG_ORIGIN, logSigner, numberedEntry, witnessSigner } from "../../shared/testing/log.ts";
import type { Given } from "../../shared/vectors/run.ts";
import { type NamedVector, spelled, vector } from "./named-vector.ts";

const TIME = 1_795_338_000;
const DASH = "\u2014";
// The key and the note of the example in C2SP signed-note.
const EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE_NOTE = `This is an example message.\n\n${DASH} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n`;

const text = (value: string) => ({ text: value });
const signer = await logSigner();
const witness = await witnessSigner();
const stranger = await fixedSigner("stranger.example");
const vkey = formatVkey(signer.vkey);
const witnessVkey = formatVkey(witness.vkey);
const log = { origin: LOG_ORIGIN, vkey };

export async function logVectors(): Promise<NamedVector[]> {
  return [
    ...vkeyVectors(),
    ...(await noteVectors()),
    ...(await checkpointVectors()),
    ...tileVectors(),
    ...bundleVectors(),
    ...(await inclusionVectors()),
    ...(await consistencyVectors()),
    ...(await proofVectors()),
  ];
}

function vkeyVectors(): NamedVector[] {
  const [name, keyId, material] = EXAMPLE_VKEY.split("+") as [string, string, string];
  const refused = (title: string, given: string) => vector("log-vkey", title, "key_invalid", { vkey: given });
  return [
    vector(
      "log-vkey",
      "example of the specification",
      "ok",
      { vkey: EXAMPLE_VKEY },
      {
        name,
        key_id: keyId,
        type: 1,
        public_key: "e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4",
      },
    ),
    vector("log-vkey", "witness", "ok", { vkey: witnessVkey }),
    refused("id of another key", EXAMPLE_VKEY.replace("530d903a", "530d903b")),
    refused("id in upper case", EXAMPLE_VKEY.replace("530d903a", "530D903A")),
    refused("another name under the same id", EXAMPLE_VKEY.replace("foo", "bar")),
    refused("no name", `+${keyId}+${material}`),
    refused("space in the name", EXAMPLE_VKEY.replace("/", " ")),
    refused("no-break space in the name", EXAMPLE_VKEY.replace("/", "\u00a0")),
    refused("type of another algorithm", `${name}+${keyId}+Ai${material.slice(2)}`),
    refused(
      "key of small order",
      `${name}+${keyId}+${base64Of(concatBytes([Uint8Array.of(1, 1), new Uint8Array(31)]))}`,
    ),
    refused("key of 31 bytes", `${name}+${keyId}+${material.slice(0, -1)}=`),
    refused("second spelling of base64", `${EXAMPLE_VKEY.slice(0, -1)}l`),
  ];
}

async function noteVectors(): Promise<NamedVector[]> {
  const body = "one\n\ntwo\n";
  const note = await signNote(body, [signer]);
  const junk = `${DASH} other.example AAAAAAAA\n`;
  const cosigned = appendSignatures(note, [await cosignatureLine(body, witness, TIME)]);
  const other = (await signNote("other\n", [signer])).split("\n\n")[1] as string;
  const foreign = await cosignatureLine("other\n", witness, TIME);
  const of = (title: string, expect: string, given: string, vkeys: string[] = [vkey], gives?: unknown) =>
    vector("log-note", title, expect, { note: text(given), vkeys }, gives);
  const refused = (title: string, given: string) => of(title, "cp_format", given);
  return [
    of("example of the specification", "ok", EXAMPLE_NOTE, [EXAMPLE_VKEY]),
    of("text with an empty line", "ok", note, [vkey], { text: body, signatures: [{ name: LOG_ORIGIN }] }),
    of("unknown signatures beside", "ok", appendSignatures(note, [junk, junk])),
    of("cosignature", "ok", cosigned, [vkey, witnessVkey], {
      text: body,
      signatures: [{ name: LOG_ORIGIN }, { name: "witness.example", time: TIME }],
    }),
    of("changed text", "cp_sig", note.replace("two", "too")),
    of("no known signature", "cp_sig", note, [formatVkey(stranger.vkey)]),
    of("known key fails beside one that holds", "cp_sig", appendSignatures(note, [other])),
    of("cosignature of another text", "cp_cosig", appendSignatures(note, [foreign]), [vkey, witnessVkey]),
    refused("no empty line", `text\n${junk}`),
    refused("no final line feed", `text\n\n${junk.trimEnd()}`),
    refused("hyphen for the dash", `text\n\n${junk.replace(DASH, "-")}`),
    refused("two spaces", `text\n\n${junk.replace("example ", "example  ")}`),
    refused("plus in a name", `text\n\n${junk.replace("other", "oth+er")}`),
    refused("signature of four bytes", `text\n\n${DASH} other.example AAAAAA==\n`),
    refused("base64 without padding", `text\n\n${DASH} other.example AAAAAAA\n`),
    refused("tab", `te\txt\n\n${junk}`),
    refused("carriage returns", note.replaceAll("\n", "\r\n")),
    vector("log-note", "not UTF-8", "cp_format", {
      note: spelled(concatBytes([Uint8Array.of(0xff), utf8Of(note)])),
      vkeys: [vkey],
    }),
  ];
}

async function checkpointVectors(): Promise<NamedVector[]> {
  const tree = growLog(7).checkpoint;
  const note = await signCheckpoint(tree, [signer]);
  const held = (size: number) => ({ size, root: base64Of(growLog(size).checkpoint.root) });
  const of = (
    title: string,
    expect: string,
    given: string,
    more: Partial<Given["log-checkpoint"]> = {},
    gives?: unknown,
  ) => vector("log-checkpoint", title, expect, { note: text(given), ...log, ...more }, gives);
  const signed = async (title: string, body: string) => of(title, "cp_format", await signNote(body, [signer]));
  const body = formatCheckpoint(tree);
  const root = base64Of(tree.root);
  const line = await cosignatureLine(body, witness, TIME);
  const thief = { ...stranger, vkey: { ...signer.vkey, publicJwk: stranger.vkey.publicJwk } };
  const gives = (advance: string) => ({ size: 7, root, advance, signatures: [{ name: LOG_ORIGIN }] });
  return [
    of("first", "ok", note, {}, gives("first")),
    of("same as held", "ok", note, { held: held(7) }, gives("same")),
    of("larger than held", "ok", note, { held: held(6) }, gives("larger")),
    of("empty log", "ok", await signCheckpoint(growLog(0).checkpoint, [signer])),
    of("cosigned", "ok", appendSignatures(note, [line]), { witnesses: [witnessVkey] }),
    of("extension line", "ok", await signCheckpoint({ ...tree, extensions: ["more"] }, [signer])),
    of("smaller than held", "cp_rollback", note, { held: held(8) }),
    of("another root at the size held", "cp_fork", note, { held: { ...held(8), size: 7 } }),
    of("another origin", "cp_origin", await signCheckpoint({ ...tree, origin: "other.example/log1" }, [signer])),
    of("another key under the same name", "cp_sig", await signCheckpoint(tree, [thief])),
    of("witness alone", "cp_sig", `${body}\n${line}`, { witnesses: [witnessVkey] }),
    of("changed size", "cp_sig", note.replace("\n7\n", "\n8\n")),
    await signed("two lines", `${LOG_ORIGIN}\n7\n`),
    await signed("leading zero", `${LOG_ORIGIN}\n07\n${root}\n`),
    await signed("size of 2 to the 53", `${LOG_ORIGIN}\n9007199254740992\n${root}\n`),
    await signed("root of 31 bytes", `${LOG_ORIGIN}\n7\n${base64Of(tree.root.subarray(1))}\n`),
    await signed("empty log with another root", `${LOG_ORIGIN}\n0\n${root}\n`),
    await signed("empty extension line", `${LOG_ORIGIN}\n7\n${root}\n\nmore\n`),
  ];
}

function tileVectors(): NamedVector[] {
  const of = (path: string, level: number | "entries", index: number, width: number) =>
    vector("log-tile", path, "ok", { path }, { level, index, width });
  const refused = (path: string) => vector("log-tile", path, "not_found", { path });
  return [
    of("tile/0/000", 0, 0, 256),
    of("tile/63/x001/x234/067", 63, 1_234_067, 256),
    of("tile/entries/273.p/112", "entries", 273, 112),
    refused("tile/0/0"),
    refused("tile/00/000"),
    refused("tile/64/000"),
    refused("tile/0/x000/001"),
    refused("tile/0/001/002"),
    refused("tile/0/003.p/0"),
    refused("tile/0/004.p/256"),
    refused("tile/0/005.p/01"),
    refused("tile/8/0/000"),
    refused("tile/data/000"),
  ];
}

function bundleVectors(): NamedVector[] {
  const three = [numberedEntry(0), new Uint8Array(), numberedEntry(2)];
  const bytes = encodeBundle(three);
  const { root } = growLog(2).checkpoint;
  const of = (title: string, expect: string, bundle: Uint8Array, count: number, gives?: unknown) =>
    vector("log-bundle", title, expect, { bundle: { base64: base64Of(bundle) }, count }, gives);
  const two = [numberedEntry(0), numberedEntry(1)];
  return [
    of("two entries", "ok", encodeBundle(two), 2, {
      leaf_hashes: two.map((entry) => base64Of(leafHash(entry))),
      root: base64Of(root),
    }),
    of("empty entry between", "ok", bytes, 3),
    of("cut in an entry", "bundle_invalid", bytes.subarray(0, bytes.length - 1), 3),
    of("cut in a length", "bundle_invalid", concatBytes([bytes, Uint8Array.of(0)]), 4),
    of("more entries than counted", "bundle_invalid", bytes, 2),
    of("fewer entries than counted", "bundle_invalid", bytes, 4),
    of("bytes after the last", "bundle_invalid", concatBytes([bytes, Uint8Array.of(1, 2, 3)]), 3),
  ];
}

async function inclusionVectors(): Promise<NamedVector[]> {
  const made: NamedVector[] = [];
  const proven = async (index: number, size: number) => {
    const { read, checkpoint } = growLog(size);
    const path = (await inclusionProof(read, index, size)).map(base64Of);
    return { leaf: base64Of(leafHash(numberedEntry(index))), index, path, size, root: base64Of(checkpoint.root) };
  };
  for (const [index, size] of [
    [0, 1],
    [0, 2],
    [4, 5],
    [6, 7],
    [0, 8],
    [256, 257],
    [300, 600],
  ] as const) {
    made.push(vector("log-inclusion", `leaf ${index} of ${size}`, "ok", await proven(index, size)));
  }
  const given = await proven(4, 7);
  const refused = (title: string, changed: Partial<typeof given>) =>
    made.push(vector("log-inclusion", title, "not_logged", { ...given, ...changed }));
  refused("another leaf", { leaf: base64Of(leafHash(numberedEntry(5))) });
  refused("another index", { index: 5 });
  refused("index past the end", { index: 7 });
  refused("another size", { size: 9 });
  refused("another root", { root: base64Of(growLog(6).checkpoint.root) });
  refused("path without its last hash", { path: given.path.slice(0, -1) });
  refused("path with one hash more", { path: [...given.path, given.leaf] });
  refused("path in reverse", { path: given.path.toReversed() });
  refused("empty tree", { size: 0, index: 0, path: [] });
  return made;
}

async function consistencyVectors(): Promise<NamedVector[]> {
  const made: NamedVector[] = [];
  const tree = (size: number) => ({ size, root: base64Of(growLog(size).checkpoint.root) });
  const proven = async (older: number, newer: number) => ({
    older: tree(older),
    newer: tree(newer),
    proof: (await consistencyProof(growLog(newer).read, older, newer)).map(base64Of),
  });
  for (const [older, newer] of [
    [0, 0],
    [0, 5],
    [5, 5],
    [1, 2],
    [3, 7],
    [4, 7],
    [6, 8],
    [256, 257],
    [300, 600],
  ] as const) {
    made.push(vector("log-consistency", `from ${older} to ${newer}`, "ok", await proven(older, newer)));
  }
  const given = await proven(3, 7);
  const refused = (title: string, changed: Partial<typeof given>) =>
    made.push(vector("log-consistency", title, "cp_inconsistent", { ...given, ...changed }));
  refused("another old root", { older: { size: 3, root: tree(2).root } });
  refused("another new root", { newer: { size: 7, root: tree(8).root } });
  refused("another old size", { older: { size: 5, root: tree(3).root } });
  refused("backwards", { older: given.newer, newer: given.older });
  refused("empty proof", { proof: [] });
  refused("proof without its last hash", { proof: given.proof.slice(0, -1) });
  refused("proof with one hash more", { proof: [...given.proof, tree(1).root] });
  refused("same size and another root", { older: { size: 7, root: tree(6).root }, proof: [] });
  refused("proof from the empty tree", { older: tree(0) });
  refused("empty tree with a root of its own", { older: { size: 0, root: tree(3).root }, proof: [] });
  return made;
}

async function proofVectors(): Promise<NamedVector[]> {
  const { read, checkpoint } = growLog(7);
  const note = await signCheckpoint(checkpoint, [signer]);
  const path = await inclusionProof(read, 4, 7);
  const entry = numberedEntry(4);
  const proof = formatProof({ extra: entry, index: 4, path, checkpoint: note });
  const bare = formatProof({ index: 4, path, checkpoint: note });
  const base64 = base64Of(entry);
  const of = (title: string, expect: string, given: string, more: Partial<Given["log-proof"]> = {}, gives?: unknown) =>
    vector("log-proof", title, expect, { proof: given, ...log, ...more }, gives);
  const refused = (title: string, given: string) => of(title, "proof_invalid", given);
  const one = await signCheckpoint(growLog(1).checkpoint, [signer]);
  return [
    of("entry inside", "ok", proof, {}, { index: 4, size: 7, entry: base64 }),
    of("entry beside", "ok", bare, { entry: base64 }, { index: 4, size: 7, entry: base64 }),
    of("only leaf", "ok", formatProof({ extra: numberedEntry(0), index: 0, path: [], checkpoint: one })),
    of("another entry inside", "not_logged", proof.replace(base64, base64Of(numberedEntry(5)))),
    of("another index", "not_logged", proof.replace("index 4", "index 5")),
    of("another origin trusted", "cp_origin", proof, { origin: "other.example/log1" }),
    of("another key trusted", "cp_sig", proof, { vkey: formatVkey(stranger.vkey) }),
    of("changed checkpoint", "cp_sig", proof.replace("\n7\n", "\n8\n")),
    of("checkpoint without signature", "cp_format", proof.slice(0, proof.indexOf(DASH))),
    refused("no entry", bare),
    refused("another version", proof.replace("@v1", "@v2")),
    refused("extra after the index", proof.replace(/(extra .*\n)(index .*\n)/, "$2$1")),
    refused("index with a leading zero", proof.replace("index 4", "index 04")),
    refused("hash of 31 bytes", proof.replace("index 4\n", `index 4\n${base64Of(new Uint8Array(31))}\n`)),
    refused("no checkpoint", proof.slice(0, proof.indexOf("\n\n"))),
  ];
}
