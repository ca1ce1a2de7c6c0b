/** Proof documents: written and read in one form, believed only whole. */

import { describe, expect, it } from "vitest";
import { utf8Of } from "../bytes.ts";
import { fixedSigner, growLog, LOG_ORIGIN, logSigner, numberedEntry } from "../testing/log.ts";
import { outcome } from "../testing/refusal.ts";
import { base64Of } from "./base64.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { inclusionProof } from "./merkle-proof.ts";
import { formatProof, openProof, PROOF_MAX_BYTES, parseProof } from "./proof.ts";

const SIZE = 300;
const INDEX = 258;
const signer = await logSigner();
const trusted = { origin: LOG_ORIGIN, vkey: signer.vkey };
const log = growLog(SIZE);
const note = await signCheckpoint(log.checkpoint, [signer]);
const path = await inclusionProof(log.read, INDEX, SIZE);
const extra = numberedEntry(INDEX);
const text = formatProof({ extra, index: INDEX, path, checkpoint: note });

describe("openProof", () => {
  it("gives the entry that the proof carries, and the checkpoint it stands under", async () => {
    const opened = await openProof(text, trusted);
    expect(opened).toMatchObject({ entry: extra, index: INDEX, checkpoint: log.checkpoint, note });
  });

  it("gives the entry that the caller holds, whatever the proof carries", async () => {
    const bare = formatProof({ index: INDEX, path, checkpoint: note });
    expect((await openProof(bare, trusted, extra)).entry).toEqual(extra);
    const lying = formatProof({ extra: utf8Of("another"), index: INDEX, path, checkpoint: note });
    expect((await openProof(lying, trusted, extra)).entry).toEqual(extra);
    expect(await outcome(() => openProof(bare, trusted))).toBe("proof_invalid");
  });

  it("refuses another entry, index or path", async () => {
    const refusal = (changed: object) =>
      outcome(() => openProof(formatProof({ extra, index: INDEX, path, checkpoint: note, ...changed }), trusted));
    expect(await refusal({ extra: numberedEntry(INDEX + 1) })).toBe("not_logged");
    expect(await refusal({ index: INDEX + 1 })).toBe("not_logged");
    expect(await refusal({ index: SIZE })).toBe("not_logged");
    expect(await refusal({ path: path.slice(1) })).toBe("not_logged");
    expect(await refusal({ path: path.toReversed() })).toBe("not_logged");
  });

  it("refuses a checkpoint of another log or key", async () => {
    const thief = await fixedSigner(LOG_ORIGIN.replace("1", "2"));
    expect(await outcome(() => openProof(text, { ...trusted, origin: "other.example/log1" }))).toBe("cp_origin");
    expect(await outcome(() => openProof(text, { ...trusted, vkey: thief.vkey }))).toBe("cp_sig");
  });

  it("proves the only leaf of a log by an empty path", async () => {
    const one = growLog(1);
    const checkpoint = await signCheckpoint(one.checkpoint, [signer]);
    const alone = formatProof({ extra: numberedEntry(0), index: 0, path: [], checkpoint });
    expect(alone.startsWith(`c2sp.org/tlog-proof@v1\nextra ${base64Of(numberedEntry(0))}\nindex 0\n\n`)).toBe(true);
    expect((await openProof(alone, trusted)).index).toBe(0);
  });
});

describe("parseProof", () => {
  it("reads what is written", () => {
    expect(parseProof(text)).toEqual({ extra, index: INDEX, path, checkpoint: note });
    expect(formatProof(parseProof(text))).toBe(text);
    const empty = formatProof({ extra: new Uint8Array(), index: INDEX, path, checkpoint: note });
    expect(parseProof(empty).extra).toEqual(new Uint8Array());
  });

  it.each([
    ["nothing", ""],
    ["another first line", text.replace("@v1", "@v2")],
    ["no index", text.replace(/index .*\n/, "")],
    ["an index with a leading zero", text.replace("index ", "index 0")],
    ["a negative index", text.replace("index ", "index -")],
    ["extra after the index", text.replace(/(extra .*\n)(index .*\n)/, "$2$1")],
    ["extra twice", text.replace(/(extra .*\n)/, "$1$1")],
    ["extra that is not base64", text.replace("extra ", "extra !")],
    ["a hash of 31 bytes", text.replace(/(index .*\n)/, `$1${base64Of(new Uint8Array(31))}\n`)],
    [
      "a path longer than any tree's",
      text.replace(/(index .*\n)/, `$1${`${base64Of(new Uint8Array(32))}\n`.repeat(60)}`),
    ],
    ["a carriage return", text.replace("@v1\n", "@v1\r\n")],
    ["too many bytes", text.replace("extra ", `extra ${"A".repeat(PROOF_MAX_BYTES)}`)],
  ])("refuses %s", async (_, changed) => {
    expect(changed).not.toBe(text);
    expect(await outcome(() => parseProof(changed))).toBe("proof_invalid");
  });

  it("refuses a proof whose checkpoint is not a note", async () => {
    expect(await outcome(() => parseProof(text.slice(0, text.indexOf("\u2014"))))).toBe("cp_format");
    expect(await outcome(() => formatProof({ index: 0, path: [], checkpoint: "no note" }))).toBe("cp_format");
  });
});
