/** An assessment while it is being written: which answers are there, which hashes belong to which item, what is missing. */
import type { AssessedHash } from "@breakwater/shared/assessment.ts";
import type { SourceFile } from "./source-hashes.ts";

export type Draft = {
  verdict?: string;
  act?: string;
  age?: string;
  production?: string;
  flags: string[];
  note: string;
  /** One list an item, in the order of the case's items; each list was computed from one file. */
  hashes: Record<string, SourceFile>;
};

export const EMPTY_DRAFT: Draft = { flags: [], note: "", hashes: {} };

export type DraftItem = { item_id: string; hashes: { alg: string; value: string }[] };

/**
 * Lays each file beside an item: by an exact hash both name, the rest in order on the items still open. A wrong guess
 * shows as a difference in the table and is mended there; nothing is compared here.
 */
export function layFiles(items: DraftItem[], files: SourceFile[]): Record<string, SourceFile> {
  const placed: Record<string, SourceFile> = {};
  const waiting: SourceFile[] = [];
  for (const file of files) {
    const twin = items.find(
      (item) =>
        !placed[item.item_id] &&
        item.hashes.some(
          (theirs) =>
            theirs.alg !== "pdq" && file.some((ours) => ours.alg === theirs.alg && ours.value === theirs.value),
        ),
    );
    if (twin) placed[twin.item_id] = file;
    else waiting.push(file);
  }
  for (const item of items) {
    const next = placed[item.item_id] ? undefined : waiting.shift();
    if (next) placed[item.item_id] = next;
  }
  return placed;
}

export function assessedHashes(draft: Draft): AssessedHash[] {
  return Object.entries(draft.hashes).flatMap(([item_id, file]) => file.map((hash) => ({ item_id, ...hash })));
}

/** What keeps the draft from being saved, each with the field it belongs to. */
export function missing(draft: Draft, items: DraftItem[]): { field: string; text: string }[] {
  const faults: { field: string; text: string }[] = [];
  if (!draft.verdict) faults.push({ field: "verdict", text: "Choose the verdict." });
  if (!draft.act) faults.push({ field: "act", text: "Choose the act." });
  if (!draft.age) faults.push({ field: "age", text: "Choose the age of the youngest child." });
  if (!draft.production) faults.push({ field: "production", text: "Choose how it was made." });
  for (const [index, item] of items.entries()) {
    if (!draft.hashes[item.item_id])
      faults.push({ field: "hashes", text: `Add the hashes of item ${index + 1}, computed at source.` });
  }
  return faults;
}
