/** Signed notes: read strictly, signed and verified by Ed25519, unknown signatures ignored. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8Of } from "../bytes.ts";
import { fixedSigner, witnessSigner } from "../testing/log.ts";
import { outcome } from "../testing/refusal.ts";
import {
  appendSignatures,
  COSIGNATURE_V1,
  cosignatureLine,
  NOTE_MAX_BYTES,
  NOTE_SIGNATURES_MAX,
  type NoteSigner,
  openNote,
  parseNote,
  parseVkey,
  signNote,
} from "./note.ts";

const TEXT = "one\n\ntwo\n";
const TIME = 1_795_338_000;
const JUNK = "\u2014 other.example AAAAAAAA\n";

const log = await fixedSigner("log.example");
const second = await fixedSigner("second.example");
const witness = await witnessSigner();
const note = await signNote(TEXT, [log]);

describe("openNote", () => {
  it("verifies the example of C2SP signed-note", async () => {
    const vkey = parseVkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    const text = "This is an example message.\n";
    const line =
      "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    expect(await openNote(`${text}\n${line}`, [vkey])).toEqual({ text, signatures: [{ vkey }] });
  });

  it("verifies every text that can be signed, from its string and from its bytes", async () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => [...text].filter((char) => char >= " ").join(""));
    const texts = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => `${lines.join("\n")}\n`);
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const signed = await signNote(text, [log, second]);
        const opened = await openNote(utf8Of(signed), [second.vkey, log.vkey]);
        expect(opened).toEqual({ text, signatures: [{ vkey: log.vkey }, { vkey: second.vkey }] });
        expect(await openNote(signed, [log.vkey])).toEqual({ text, signatures: [{ vkey: log.vkey }] });
      }),
      { numRuns: 30 },
    );
  });

  it("refuses a note of which any bit was changed", async () => {
    const bytes = utf8Of(note);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ (1 << bit);
        expect(["cp_format", "cp_sig"]).toContain(await outcome(() => openNote(changed, [log.vkey])));
      }),
      { numRuns: 150 },
    );
  });

  it("ignores lines of unknown keys, of whatever length", async () => {
    const many = appendSignatures(
      note,
      Array.from({ length: NOTE_SIGNATURES_MAX - 1 }, () => JUNK),
    );
    expect((await openNote(many, [log.vkey])).signatures).toEqual([{ vkey: log.vkey }]);
    const long = `\u2014 pq.example ${"A".repeat(4 * 1200)}\n`;
    expect((await openNote(appendSignatures(note, [long]), [log.vkey])).signatures.length).toBe(1);
  });

  it("ignores a line that shares only the name or only the id with a known key", async () => {
    const signature = note.trimEnd().split(" ").at(-1);
    const sameId = `\u2014 other.example ${signature}\n`;
    const sameName = `\u2014 log.example ${"A".repeat(92)}\n`;
    expect((await openNote(appendSignatures(note, [sameId, sameName]), [log.vkey])).signatures.length).toBe(1);
    expect(await outcome(() => openNote(`${TEXT}\n${sameId}${sameName}`, [log.vkey]))).toBe("cp_sig");
  });

  it("refuses the whole note when a known key's line fails beside one that holds", async () => {
    const other = (await signNote("other\n", [log])).split("\n\n")[1] as string;
    expect(await outcome(() => openNote(appendSignatures(note, [other]), [log.vkey]))).toBe("cp_sig");
    const foreign = (await signNote("other\n", [second])).split("\n\n")[1] as string;
    expect(await outcome(() => openNote(appendSignatures(note, [foreign]), [log.vkey, second.vkey]))).toBe("cp_sig");
  });

  it("refuses a note that no known key signed", async () => {
    expect(await outcome(() => openNote(note, [second.vkey]))).toBe("cp_sig");
    expect(await outcome(() => openNote(note, []))).toBe("cp_sig");
  });

  it("refuses a signature of another length", async () => {
    const short = `${TEXT}\n\u2014 log.example ${note.split(" ").at(-1)?.slice(0, 80)}\n`;
    expect(await outcome(() => openNote(short, [log.vkey]))).toBe("cp_sig");
  });
});

describe("cosignatureLine", () => {
  it("verifies with its time", async () => {
    const cosigned = appendSignatures(note, [await cosignatureLine(TEXT, witness, TIME)]);
    expect((await openNote(cosigned, [log.vkey, witness.vkey])).signatures).toEqual([
      { vkey: log.vkey },
      { vkey: witness.vkey, time: TIME },
    ]);
  });

  it("made twice counts once, at its newest time", async () => {
    const lines = [TIME, TIME + 60, TIME + 30].map((time) => cosignatureLine(TEXT, witness, time));
    const cosigned = appendSignatures(note, await Promise.all(lines));
    expect((await openNote(cosigned, [witness.vkey])).signatures).toEqual([{ vkey: witness.vkey, time: TIME + 60 }]);
  });

  it("over another text, or with its time changed, is refused", async () => {
    const other = await cosignatureLine("other\n", witness, TIME);
    expect(await outcome(() => openNote(appendSignatures(note, [other]), [log.vkey, witness.vkey]))).toBe("cp_cosig");
    const line = await cosignatureLine(TEXT, witness, TIME);
    const [head, base64] = [line.slice(0, line.lastIndexOf(" ") + 1), line.trimEnd().split(" ").at(-1) as string];
    // Digits 12 to 15 lie within the eight bytes of the time.
    const late = `${head}${base64.slice(0, 12)}${base64[12] === "B" ? "C" : "B"}${base64.slice(13)}\n`;
    expect(await outcome(() => openNote(appendSignatures(note, [late]), [log.vkey, witness.vkey]))).toBe("cp_cosig");
  });

  it("does not pass for a log's signature, nor a log's for a cosignature, by the same key", async () => {
    const asWitness: NoteSigner = { ...log, vkey: { ...log.vkey, type: COSIGNATURE_V1 } };
    const line = await cosignatureLine(TEXT, asWitness, TIME);
    expect(await outcome(() => openNote(`${TEXT}\n${line}`, [log.vkey]))).toBe("cp_sig");
    expect(await outcome(() => openNote(note, [asWitness.vkey]))).toBe("cp_cosig");
    expect(await outcome(() => cosignatureLine(TEXT, log, TIME))).toBe("key_invalid");
    expect(await outcome(() => signNote(TEXT, [witness]))).toBe("key_invalid");
  });
});

describe("parseNote", () => {
  it("splits at the last empty line, since a text may hold empty lines", () => {
    expect(parseNote(note)).toMatchObject({ text: TEXT, lines: [{ name: "log.example", keyId: log.vkey.keyId }] });
    expect(parseNote(`\n\n${JUNK}`).text).toBe("\n");
  });

  it.each([
    ["nothing", ""],
    ["no signature", "text\n\n"],
    ["no empty line", `text\n${JUNK}`],
    ["no text", `\n\n`],
    ["no final line feed", `text\n\n${JUNK.trimEnd()}`],
    ["a line that is no signature", `text\n\n${JUNK}more\n`],
    ["a hyphen for the dash", `text\n\n${JUNK.replace("\u2014", "-")}`],
    ["two spaces", `text\n\n${JUNK.replace("example ", "example  ")}`],
    ["white space after a signature", `text\n\n${JUNK.replace("\n", " \n")}`],
    ["a plus in a name", `text\n\n${JUNK.replace("other", "oth+er")}`],
    ["a wide space in a name", `text\n\n${JUNK.replace("other", "oth\u3000er")}`],
    ["a signature of four bytes", `text\n\n\u2014 other.example AAAAAA==\n`],
    ["base64url", `text\n\n\u2014 other.example AAAAAA-_\n`],
    ["a second spelling of base64", `text\n\n\u2014 other.example AAAAAAB=\n`],
    ["a carriage return", `text\r\n\n${JUNK}`],
    ["a tab", `te\txt\n\n${JUNK}`],
    ["a zero byte", `te\0xt\n\n${JUNK}`],
    ["half a surrogate pair", `te\ud800xt\n\n${JUNK}`],
    ["too many signatures", `text\n\n${JUNK.repeat(NOTE_SIGNATURES_MAX + 1)}`],
    ["too many bytes", `${"x".repeat(NOTE_MAX_BYTES)}\n\n${JUNK}`],
  ])("refuses %s", async (_, text) => {
    expect(await outcome(() => parseNote(text))).toBe("cp_format");
  });

  it("refuses bytes that are not UTF-8", async () => {
    const bytes = utf8Of(`text\n\n${JUNK}`);
    bytes[0] = 0xff;
    expect(await outcome(() => parseNote(bytes))).toBe("cp_format");
  });
});

describe("signNote", () => {
  it.each(["", "no line feed", "a\tb\n", "half \ud800\n"])("does not sign %j", async (text) => {
    expect(await outcome(() => signNote(text, [log]))).toBe("cp_format");
  });

  it("does not make a note without signature", async () => {
    expect(await outcome(() => signNote(TEXT, []))).toBe("cp_sig");
  });
});
