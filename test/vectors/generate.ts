/** Writes shared/vectors/<format>/<name>.json: fixed keys and bytes, so that a second run changes nothing. */

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { documentVectors } from "./documents.ts";
import { logVectors } from "./logs.ts";
import { matchVectors } from "./matches.ts";
import { type NamedVector, VECTOR_FORMATS } from "./named-vector.ts";
import { nameVectors } from "./names.ts";
import { recallVectors } from "./recalls.ts";
import { reportedUrlVectors } from "./reported-urls.ts";
import { reportVectors } from "./reports.ts";
import { segmentVectors } from "./segments.ts";
import { signatureVectors } from "./signatures.ts";
import { trustVectors } from "./trust.ts";

const FOLDER = join(import.meta.dirname, "../../shared/vectors");

export async function allVectors(): Promise<NamedVector[]> {
  return [
    ...(await nameVectors()),
    ...(await trustVectors()),
    ...(await segmentVectors()),
    ...(await documentVectors()),
    ...(await reportVectors()),
    ...(await reportedUrlVectors()),
    ...(await signatureVectors()),
    ...(await logVectors()),
    ...(await recallVectors()),
    ...(await matchVectors()),
  ];
}

/** The text of a vector's file. */
export function fileText({ name: _, ...vector }: NamedVector): string {
  return `${JSON.stringify(vector, null, 2)}\n`;
}

if (import.meta.main) {
  for (const format of VECTOR_FORMATS) {
    mkdirSync(join(FOLDER, format), { recursive: true });
    for (const file of readdirSync(join(FOLDER, format)))
      if (file.endsWith(".json")) rmSync(join(FOLDER, format, file));
  }
  for (const vector of await allVectors())
    writeFileSync(join(FOLDER, vector.format, `${vector.name}.json`), fileText(vector));
}
