/** Which case a report belongs to: by the strongest exact hash of an item, otherwise by the keyed digest of an address. */
import type { Report } from "@breakwater/shared/report.ts";
import type { Queries, Tx } from "../../platform/db.ts";
import { exactHashesOf } from "./score.ts";

// Strongest first: two files can be made to share an MD5, and then the SHA-256 beside it tells them apart.
const STRENGTH = ["sha256", "sha1", "md5"];

/**
 * Open cases, and known ones, that a report joins. Closed ones are not reopened by a repeat: what was gone may be back,
 * so it is looked at anew.
 *
 * @returns the oldest case that fits
 */
export async function findCaseFor(tx: Tx, hotlineId: string, report: Report): Promise<string | undefined> {
  const byHash = await findByHash(tx, hotlineId, report);
  if (byHash !== undefined) return byHash;
  const hasExact = exactHashesOf(report).length > 0;
  // A page holds many pictures: its address joins only what has no hash of its own. A file's address joins always.
  const digests = report.locations
    .filter(({ role }) => role === "media" || !hasExact)
    .flatMap(({ url_digest }) => (url_digest === undefined ? [] : [url_digest]));
  return digests.length === 0 ? undefined : findByDigest(tx, hotlineId, digests);
}

async function findByHash({ sql }: Queries, hotlineId: string, report: Report): Promise<string | undefined> {
  for (const item of report.items) {
    const exact = exactHashesOf({ items: [item] });
    const strongest = STRENGTH.flatMap((alg) => exact.filter((hash) => hash.alg === alg))[0];
    if (strongest === undefined) continue;
    const [row] = await sql<{ case_id: string }[]>`
      select h.case_id from report_hashes h join cases c on c.id = h.case_id
      where h.hotline_id = ${hotlineId} and h.alg = ${strongest.alg} and h.value = ${strongest.value}
        and (c.closed_at is null or c.state = 'auto_known')
      order by c.opened_at limit 1`;
    if (row !== undefined) return row.case_id;
  }
  return undefined;
}

async function findByDigest({ sql }: Queries, hotlineId: string, digests: string[]): Promise<string | undefined> {
  const [row] = await sql<{ case_id: string }[]>`
    select l.case_id from report_locations l join cases c on c.id = l.case_id
    where l.hotline_id = ${hotlineId} and l.url_digest = any(${digests}::text[]) and c.closed_at is null
    order by c.opened_at limit 1`;
  return row?.case_id;
}
