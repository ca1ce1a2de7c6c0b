/** Reads what `breakwater hash --json` printed on the assessor's machine into the hashes of an assessment. */
import type { AssessedHash } from "@breakwater/shared/assessment.ts";
import { SIGNALS } from "@breakwater/shared/signals/index.ts";

export const PASTE_MAX_CHARACTERS = 64 * 1024;

const EXACT = ["sha256", "sha1", "md5"] as const;

export type SourceFile = Omit<AssessedHash, "item_id">[];

function textField(row: Record<string, unknown>, name: string): string | undefined {
  const value = row[name];
  return typeof value === "string" ? value : undefined;
}

function countField(row: Record<string, unknown>, name: string): number | undefined {
  const value = row[name];
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}

function readFile(row: unknown): SourceFile {
  if (typeof row !== "object" || row === null) throw new Error("A line is not a JSON object.");
  const fields = row as Record<string, unknown>;
  const hashes: SourceFile = [];
  for (const alg of EXACT) {
    const value = textField(fields, alg);
    if (value === undefined) continue;
    SIGNALS[alg].parse(value);
    hashes.push({ alg, value, source: "original_bytes" });
  }
  const pdq = fields.pdq;
  if (typeof pdq === "object" && pdq !== null) {
    const parts = pdq as Record<string, unknown>;
    const value = textField(parts, "hash") ?? textField(parts, "value");
    const quality = countField(parts, "quality");
    const ambiguousBits = countField(parts, "ambiguous_bits");
    if (value === undefined || quality === undefined || ambiguousBits === undefined) {
      throw new Error("A PDQ hash needs its value, quality and count of ambiguous bits.");
    }
    SIGNALS.pdq.parse(value);
    hashes.push({ alg: "pdq", value, quality, ambiguous_bits: ambiguousBits, source: "original_bytes" });
  }
  if (!hashes.some((hash) => hash.alg === "sha256")) throw new Error("A line has no sha256.");
  return hashes;
}

/**
 * @param text - one JSON object a line, one line a file
 * @returns for each file its hashes, each computed from original bytes
 * @throws Error with one plain sentence when a line cannot be used; nothing is taken then
 */
export function readSourceHashes(text: string): SourceFile[] {
  if (text.length > PASTE_MAX_CHARACTERS) throw new Error("This is too long. Paste the lines of this case only.");
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) throw new Error("Paste at least one line of `breakwater hash --json`.");
  return lines.map((line) => {
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      throw new Error("A line is not JSON. Paste the whole output of `breakwater hash --json`.");
    }
    return readFile(row);
  });
}
