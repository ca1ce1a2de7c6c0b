/** `current.json`: which files are the copy. It is renamed over last, so it always names files that were verified. */

import { join } from "node:path";
import { type Bytes, type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { Digest as DigestSchema, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { IndexView } from "./part/index-view.ts";
import { PartRef } from "./part/part-file.ts";
import { setDir } from "./paths.ts";

const VERSION = 2;

export const FileRef = z.object({
  file: z.string().regex(/^[\w.-]+$/),
  size: z.int().nonnegative(),
  digest: DigestSchema,
});
export type FileRef = z.infer<typeof FileRef>;

const common = {
  publisher: z.string(),
  set: z.string(),
  release: z.int().positive(),
  statement: DigestSchema,
  root: z.object({ version: z.int().positive(), digest: DigestSchema }),
  entries: z.int().nonnegative(),
  /** Names the rows: equal where two copies hold the same. The snapshot's own state digest where nothing followed it. */
  state: DigestSchema,
  envelope: FileRef,
  manifest: FileRef,
  /** Rows that were taken out of a held release's withdrawals: the rows are the release's own without these. */
  withdrawn: z.object({ release: z.int().positive(), statement: DigestSchema, count: z.int().positive() }).optional(),
  /** When every byte of it was verified last, RFC 3339. */
  switched_at: z.iso.datetime(),
};

const CurrentParts = z.object({
  v: z.literal(VERSION),
  ...common,
  rows: z.object({ base: PartRef, patch: PartRef.optional(), origin: z.int().positive() }),
  /** The snapshot that the base is; absent when its rows were packed here. */
  index: DigestSchema.optional(),
  view: IndexView,
});
export type CurrentParts = z.infer<typeof CurrentParts>;

/** As written before copies had parts: all rows in one file. */
const CurrentLines = z.object({
  v: z.literal(1),
  ...common,
  rows: FileRef,
  origins: FileRef.optional(),
});
export type CurrentLines = z.infer<typeof CurrentLines>;

export type Current = CurrentParts | CurrentLines;

/**
 * What `current.json` says, without opening what it names.
 *
 * @throws ExchangeError `copy_damaged`, `state_newer`
 */
export async function findCurrent(stateDir: string, setId: SetId): Promise<Current | undefined> {
  const bytes = await readIfThere(join(setDir(stateDir, setId), "current.json"));
  if (bytes === undefined) return undefined;
  const value = parseJson(bytes);
  refuseNewer(value, VERSION);
  const parsed = z.discriminatedUnion("v", [CurrentParts, CurrentLines]).safeParse(value);
  if (!parsed.success) throw new ExchangeError("copy_damaged", { reason: "current" });
  if (parsed.data.publisher !== setId.publisher || parsed.data.set !== setId.set) {
    throw new ExchangeError("copy_damaged", { reason: "set" });
  }
  return parsed.data;
}

/** A newer program's files are not ours to repair: what it knows and we do not would be lost. @throws ExchangeError `state_newer` */
export function refuseNewer(value: unknown, have: number): void {
  const got = (value as { v?: unknown } | null)?.v;
  if (typeof got === "number" && got > have) throw new ExchangeError("state_newer", { have, got });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ExchangeError("copy_damaged", { reason: "current" });
  }
}

/** @throws ExchangeError `copy_damaged` unless the file is the one that was named */
export async function readRef(dir: string, ref: FileRef): Promise<Bytes> {
  const bytes = await readIfThere(join(dir, ref.file));
  if (bytes === undefined) throw new ExchangeError("copy_damaged", { reason: "file_missing" });
  if (bytes.length !== ref.size || (await digestOf(bytes)) !== ref.digest) {
    throw new ExchangeError("copy_damaged", { reason: "digest" });
  }
  return Uint8Array.from(bytes);
}

export async function writeRef(dir: string, file: string, bytes: Uint8Array): Promise<FileRef> {
  await writePrivateFile(join(dir, file), bytes);
  return { file, size: bytes.length, digest: (await digestOf(bytes)) as Digest };
}
