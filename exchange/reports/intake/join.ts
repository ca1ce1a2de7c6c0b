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
 * @returns the case of the report that this one adds to, else the oldest case that fits
 */
export async function findCaseFor(
  tx: Tx,
  from: { hotlineId: string; deviceId: string },
  report: Report,
): Promise<string | undefined> {
  const earlier = await findSuperseded(tx, from.deviceId, report);
  if (earlier !== undefined) return earlier;
  const byHash = await findByHash(tx, from.hotlineId, report);
  if (byHash !== undefined) return byHash;
  const hasExact = exactHashesOf(report).length > 0;
  // A page holds many pictures: its address joins only what has no hash of its own. A file's address joins always.
  const digests = report.locations
    .filter(({ role }) => role === "media" || !hasExact)
    .flatMap(({ url_digest }) => (url_digest === undefined ? [] : [url_digest]));
  return digests.length === 0 ? undefined : findByDigest(tx, from.hotlineId, digests);
}

/** An urgent report goes out with four answers and its details follow: they belong together, whatever they hold. */
async function findSuperseded({ sql }: Queries, deviceId: string, { supersedes }: Report): Promise<string | undefined> {
  if (supersedes === undefined) return undefined;
  // Of the same device only: nobody attaches anything to another's report by knowing its number.
  const [row] = await sql<{ case_id: string }[]>`
    select r.case_id from reports r join cases c on c.id = r.case_id
    where r.id = ${supersedes} and r.device_id = ${deviceId} and c.closed_at is null`;
  return row?.case_id;
}

async function findByHash({ sql }: Queries, hotlineId: string, report: Report): Promise<string | undefined> {
  const strongest = report.items.flatMap((item) => {
    const exact = exactHashesOf({ items: [item] });
    return STRENGTH.flatMap((alg) => exact.filter((hash) => hash.alg === alg)).slice(0, 1);
  });
  if (strongest.length === 0) return undefined;
  const wanted = JSON.stringify(strongest.map(({ alg, value }) => ({ alg, value })));
  const [row] = await sql<{ case_id: string }[]>`
    select h.case_id from jsonb_to_recordset(${wanted}::text::jsonb) as w(alg text, value text)
    join report_hashes h on h.hotline_id = ${hotlineId} and h.alg = w.alg and h.value = w.value
    join cases c on c.id = h.case_id
    where c.closed_at is null or c.state = 'auto_known'
    order by c.opened_at limit 1`;
  return row?.case_id;
}

async function findByDigest({ sql }: Queries, hotlineId: string, digests: string[]): Promise<string | undefined> {
  const [row] = await sql<{ case_id: string }[]>`
    select l.case_id from report_locations l join cases c on c.id = l.case_id
    where l.hotline_id = ${hotlineId} and l.url_digest = any(${digests}::text[]) and c.closed_at is null
    order by c.opened_at limit 1`;
  return row?.case_id;
}
