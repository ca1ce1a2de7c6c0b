/** Checkpoints: three lines read strictly, believed only under the log's own signature, never going back. */

import { describe, expect, it } from "vitest";
import { utf8Of } from "../bytes.ts";
import { fixedSigner, growLog, LOG_ORIGIN, logSigner, witnessSigner } from "../testing/log.ts";
import { outcome } from "../testing/refusal.ts";
import { base64Of } from "./base64.ts";
import { checkAdvance, formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from "./checkpoint.ts";
import { EMPTY_ROOT } from "./merkle.ts";
import { appendSignatures, cosignatureLine, signNote } from "./note.ts";

const log = await logSigner();
const witness = await witnessSigner();
const trusted = { origin: LOG_ORIGIN, vkey: log.vkey };
const { checkpoint } = growLog(7);
const note = await signCheckpoint(checkpoint, [log]);
const ROOT = base64Of(checkpoint.root);

describe("openCheckpoint", () => {
  it("gives what the log signed, and the note as it came", async () => {
    const opened = await openCheckpoint(utf8Of(note), trusted);
    expect(opened).toEqual({ checkpoint, note, signatures: [{ vkey: log.vkey }] });
  });

  it("gives the cosignatures of the witnesses asked about", async () => {
    const line = await cosignatureLine(formatCheckpoint(checkpoint), witness, 1_795_338_000);
    const cosigned = appendSignatures(note, [line]);
    expect((await openCheckpoint(cosigned, trusted)).signatures).toEqual([{ vkey: log.vkey }]);
    const { signatures } = await openCheckpoint(cosigned, { ...trusted, witnesses: [witness.vkey] });
    expect(signatures).toEqual([{ vkey: log.vkey }, { vkey: witness.vkey, time: 1_795_338_000 }]);
  });

  it("takes opaque extension lines, which the signature covers", async () => {
    const extended = { ...checkpoint, extensions: ["tomorrow 1", "x"] };
    const signed = await signCheckpoint(extended, [log]);
    expect((await openCheckpoint(signed, trusted)).checkpoint).toEqual(extended);
    expect(await outcome(() => openCheckpoint(signed.replace("tomorrow 1", "tomorrow 2"), trusted))).toBe("cp_sig");
  });

  it("refuses another log's, though this log's key signed it", async () => {
    const other = await signCheckpoint({ ...checkpoint, origin: "other.example/log1" }, [log]);
    expect(await outcome(() => openCheckpoint(other, trusted))).toBe("cp_origin");
  });

  it("refuses one that another key signed under the log's name", async () => {
    const thief = await fixedSigner("thief");
    const named = { ...thief, vkey: { ...log.vkey, publicJwk: thief.vkey.publicJwk } };
    expect(await outcome(async () => openCheckpoint(await signCheckpoint(checkpoint, [named]), trusted))).toBe(
      "cp_sig",
    );
  });

  it("refuses one that only witnesses signed", async () => {
    const text = formatCheckpoint(checkpoint);
    const alone = `${text}\n${await cosignatureLine(text, witness, 1)}`;
    expect(await outcome(() => openCheckpoint(alone, { ...trusted, witnesses: [witness.vkey] }))).toBe("cp_sig");
  });

  it("refuses a witness's key in place of the log's", async () => {
    expect(await outcome(() => openCheckpoint(note, { origin: LOG_ORIGIN, vkey: witness.vkey }))).toBe("key_invalid");
  });

  it.each([
    ["two lines", `${LOG_ORIGIN}\n7\n`],
    ["an empty origin", `\n7\n${ROOT}\n`],
    ["an empty extension line", `${LOG_ORIGIN}\n7\n${ROOT}\n\nx\n`],
    ["a size with a leading zero", `${LOG_ORIGIN}\n07\n${ROOT}\n`],
    ["a size with a sign", `${LOG_ORIGIN}\n+7\n${ROOT}\n`],
    ["a size with white space", `${LOG_ORIGIN}\n7 \n${ROOT}\n`],
    ["a size in hexadecimal", `${LOG_ORIGIN}\n0x7\n${ROOT}\n`],
    ["a negative size", `${LOG_ORIGIN}\n-7\n${ROOT}\n`],
    ["a size of 2 to the 53", `${LOG_ORIGIN}\n9007199254740992\n${ROOT}\n`],
    ["a root of 31 bytes", `${LOG_ORIGIN}\n7\n${base64Of(checkpoint.root.subarray(1))}\n`],
    ["a root without padding", `${LOG_ORIGIN}\n7\n${ROOT.replace("=", "")}\n`],
    ["an empty tree with another root", `${LOG_ORIGIN}\n0\n${ROOT}\n`],
  ])("refuses %s, though properly signed", async (_, text) => {
    expect(await outcome(() => parseCheckpoint(text))).toBe("cp_format");
    expect(await outcome(async () => openCheckpoint(await signNote(text, [log]), trusted))).toBe("cp_format");
  });

  it("takes the empty log", async () => {
    const empty = { origin: LOG_ORIGIN, size: 0, root: EMPTY_ROOT };
    expect((await openCheckpoint(await signCheckpoint(empty, [log]), trusted)).checkpoint).toEqual(empty);
  });

  it("is not fooled into writing a checkpoint that reads otherwise", async () => {
    for (const origin of ["", "a\nb", "a\n1"]) {
      expect(parsesAs(origin)).toBe(false);
    }
  });
});

// An origin with a line feed would shift the lines: what is written must read back as what was meant.
function parsesAs(origin: string): boolean {
  try {
    return parseCheckpoint(formatCheckpoint({ ...checkpoint, origin })).origin === origin;
  } catch {
    return false;
  }
}

describe("checkAdvance", () => {
  const at = (size: number) => growLog(size).checkpoint;
  it("tells the first, the same and a larger one apart", () => {
    expect(checkAdvance(undefined, at(5))).toBe("first");
    expect(checkAdvance(at(5), at(5))).toBe("same");
    expect(checkAdvance(at(5), at(6))).toBe("larger");
  });

  it("refuses a smaller one", async () => {
    expect(await outcome(() => checkAdvance(at(5), at(4)))).toBe("cp_rollback");
  });

  it("refuses another root at the same size", async () => {
    expect(await outcome(() => checkAdvance(at(5), { ...at(5), root: at(6).root }))).toBe("cp_fork");
  });

  it("compares checkpoints of one log only", async () => {
    expect(await outcome(() => checkAdvance(at(5), { ...at(6), origin: "other.example/log1" }))).toBe("cp_origin");
  });
});
