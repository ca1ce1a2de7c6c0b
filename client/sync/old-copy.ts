/** A copy from before copies had parts: it goes on matching until the next sync writes it anew. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { type CurrentLines, readRef } from "./current.ts";
import { originRecords } from "./known-origins.ts";
import { OpenedRows } from "./open-rows.ts";
import { WHOLE_VIEW } from "./part/index-view.ts";
import { PlainPartWriter } from "./part/plain-part.ts";

const ID_CHARS = 32;

/** Its one file of lines as a part, in a folder of its own that is gone once it is open. @throws ExchangeError `copy_damaged` */
export async function openOldRows(dir: string, current: CurrentLines, kind: SetKind): Promise<OpenedRows> {
  const lines = new TextDecoder().decode(await readRef(dir, current.rows)).split("\n");
  lines.pop();
  if (lines.length !== current.entries) throw new ExchangeError("copy_damaged", { reason: "count" });
  const origins = await readOrigins(dir, current);
  const folder = await mkdtemp(join(tmpdir(), "breakwater-copy-"));
  try {
    const scan = { kind, view: WHOLE_VIEW, nowMs: 0, benign: [] };
    const writer = await PlainPartWriter.open(folder, "base", scan);
    for (const line of lines) await writer.add(line);
    await writer.append("origins", originRecords(origins.puts));
    const { ref } = await writer.finish();
    return await OpenedRows.open(folder, { base: ref, origin: origins.base }, { verify: false, hold: true });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The base, then `id release`, one a line. Without the file: any release up to the copy's own. */
async function readOrigins(dir: string, current: CurrentLines): Promise<{ base: number; puts: Map<string, number> }> {
  if (current.origins === undefined) return { base: current.release, puts: new Map() };
  const [base, ...rows] = new TextDecoder()
    .decode(await readRef(dir, current.origins))
    .trimEnd()
    .split("\n");
  const puts = new Map(rows.map((row) => [row.slice(0, ID_CHARS), Number(row.slice(ID_CHARS + 1))] as const));
  if (!Number.isSafeInteger(Number(base)) || [...puts.values()].some((release) => !Number.isSafeInteger(release))) {
    throw new ExchangeError("copy_damaged", { reason: "origins" });
  }
  return { base: Number(base), puts };
}
