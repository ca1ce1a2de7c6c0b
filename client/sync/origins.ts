/** Which release put each row of a copy there: what a recall of releases needs to know. */

/**
 * @property puts - the release of rows that a delta brought, by id
 * @property base - every other row came with a snapshot of this release, put there by it or by an earlier one
 */
export type Origins = { base: number; puts: { get(id: string): number | undefined } };

/** As recallCovers wants it. */
export function originOf({ base, puts }: Origins, id: string): { id: string; release: number; earliest?: number } {
  const release = puts.get(id);
  return release === undefined ? { id, release: base, earliest: 1 } : { id, release };
}
