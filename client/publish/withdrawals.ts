/** What this publisher withdrew and why, on this machine alone: reasons are told to people and never written into the set. */

import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { hexOf } from "@breakwater/shared/bytes.ts";
import type { NewChange } from "@breakwater/shared/compose.ts";
import { naturalKeyDigest } from "@breakwater/shared/entries/checker.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";
import { WithdrawalReason } from "@breakwater/shared/vocab/reasons.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { z } from "zod";
import { PRIVATE_FILE_MODE, readIfThere, writePrivateFile } from "../profile/private-files.ts";
import type { CopyRows } from "../sync/index.ts";
import { setDir } from "../sync/paths.ts";
import { createKeyOf } from "./key-of.ts";

/** 128 bits: two keys of one set never meet. */
const KEY_CHARS = 32;

const Line = z.object({
  at: z.iso.datetime(),
  release: z.int(),
  reason: WithdrawalReason,
  ids: z.array(z.string()),
  /** What the entries were about, as digests of their natural keys; an erasure has none, and takes away those before it. */
  keys: z.array(z.string()).optional(),
});
export type Withdrawal = z.infer<typeof Line>;

const fileOf = (stateDir: string, setId: SetId) => join(setDir(stateDir, setId), "withdrawals.ndjson");

export async function noteWithdrawal(stateDir: string, setId: SetId, record: Withdrawal): Promise<void> {
  await appendFile(fileOf(stateDir, setId), `${JSON.stringify(record)}\n`, { mode: PRIVATE_FILE_MODE });
}

/** Before an erasure: what is destroyed everywhere must not be recognised by what is left here. */
export async function forgetKeys(stateDir: string, setId: SetId): Promise<void> {
  const path = fileOf(stateDir, setId);
  const bytes = await readIfThere(path);
  if (bytes === undefined) return;
  const lines = new TextDecoder().decode(bytes).split("\n");
  const kept = lines.flatMap((text) => {
    const line = Line.safeParse(parseJson(text));
    if (!line.success) return [];
    const { keys: _, ...rest } = line.data;
    return [`${JSON.stringify(rest)}\n`];
  });
  await writePrivateFile(path, kept.join(""));
}

export function keysOf(kind: SetKind, copy: Pick<CopyRows, "findRow" | "lineAt">, ids: readonly string[]): string[] {
  const keyOf = createDigestOf(kind);
  return ids.flatMap((id) => {
    const row = copy.findRow(id);
    return row === undefined ? [] : [keyOf(copy.lineAt(row))];
  });
}

/** How many entries would be listed again, by the reason of their newest withdrawal. */
export type ListedAgain = { count: number; reasons: Partial<Record<WithdrawalReason, number>> };

/** @param changes - of the release to come */
export async function findListedAgain(
  { stateDir, setId }: { stateDir: string; setId: SetId },
  kind: SetKind,
  copy: Pick<CopyRows, "findRow">,
  changes: Iterable<NewChange>,
): Promise<ListedAgain> {
  const again: ListedAgain = { count: 0, reasons: {} };
  const reasonOf = await readReasons(stateDir, setId);
  if (reasonOf.size === 0) return again;
  const keyOf = createDigestOf(kind);
  for (const change of changes) {
    if (change.op !== "put" || copy.findRow(entryIdOf(change.line)) !== undefined) continue;
    const reason = reasonOf.get(keyOf(change.line));
    if (reason === undefined) continue;
    again.count += 1;
    again.reasons[reason] = (again.reasons[reason] ?? 0) + 1;
  }
  return again;
}

/** The newest withdrawal of a key counts. A line that cannot be read, half written perhaps, costs no other. */
async function readReasons(stateDir: string, setId: SetId): Promise<Map<string, WithdrawalReason>> {
  const reasonOf = new Map<string, WithdrawalReason>();
  const bytes = await readIfThere(fileOf(stateDir, setId));
  for (const text of new TextDecoder().decode(bytes ?? new Uint8Array(0)).split("\n")) {
    const line = Line.safeParse(parseJson(text));
    for (const key of line.data?.keys ?? []) reasonOf.set(key, line.data?.reason as WithdrawalReason);
  }
  return reasonOf;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function createDigestOf(kind: SetKind): (line: string) => string {
  const keyOf = createKeyOf(kind);
  return (line) => hexOf(naturalKeyDigest(kind, keyOf(line))).slice(0, KEY_CHARS);
}
