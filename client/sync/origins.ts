/** Which release put each row of a copy there: what a recall of releases needs to know. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";

/**
 * @property puts - ids of rows that a delta brought, by its release
 * @property base - every other row came with the snapshot of this release, put there by it or by an earlier one
 */
export type Origins = { base: number; puts: ReadonlyMap<string, number> };

/** As recallCovers wants it. */
export function originOf({ base, puts }: Origins, id: string): { id: string; release: number; earliest?: number } {
  const release = puts.get(id);
  return release === undefined ? { id, release: base, earliest: 1 } : { id, release };
}

/** For a copy that does not know: any release up to its own. */
export function unknownOrigins(release: number): Origins {
  return { base: release, puts: new Map() };
}

/** The base, then `id release`, one a line; only of rows that are there. */
export function formatOrigins({ base, puts }: Origins, lines: readonly string[]): Uint8Array {
  const text = [String(base)];
  if (puts.size > 0) {
    for (const line of lines) {
      const id = entryIdOf(line);
      const release = puts.get(id);
      if (release !== undefined) text.push(`${id} ${release}`);
    }
  }
  return new TextEncoder().encode(`${text.join("\n")}\n`);
}

/** @throws ExchangeError `copy_damaged` */
export function parseOrigins(bytes: Uint8Array): Origins {
  const [base, ...rows] = new TextDecoder().decode(bytes).trimEnd().split("\n");
  const puts = new Map(rows.map((row) => [row.slice(0, 32), Number(row.slice(33))] as const));
  if (!Number.isSafeInteger(Number(base)) || [...puts.values()].some((release) => !Number.isSafeInteger(release))) {
    throw new ExchangeError("copy_damaged", { reason: "origins" });
  }
  return { base: Number(base), puts };
}
