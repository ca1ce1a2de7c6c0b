/** What a recall may name: entries that its own set holds or held, and releases that its own set has had. */

import type { Bytes } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Recall } from "@breakwater/shared/recall.ts";
import { decodeRecallList } from "@breakwater/shared/recall-list.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { readBlob, type SetRow, wasUploadedBy } from "../sets/index.ts";

/** Ids asked for in one query. */
const IDS_A_QUERY = 10_000;

/**
 * @param memberId - who uploaded the list: a digest that somebody read somewhere opens nothing
 * @returns the list's bytes where there is one, verified
 * @throws ExchangeError `recall_entries`, `recall_list`, `blob_missing`, `blob_size_mismatch`
 */
export async function checkCoverage(
  deps: Deps,
  set: SetRow,
  recall: Recall,
  memberId: string,
): Promise<{ list?: Bytes }> {
  if (recall.releases !== undefined) {
    // Not the future: a recall is about what was published, or a thief could switch off what is to come.
    if (recall.releases[1] > set.headRelease) throw new ExchangeError("recall_entries", { have: set.headRelease });
    return {};
  }
  if (recall.entries !== undefined) {
    await requireHeldOnce(deps, set, recall.entries);
    return {};
  }
  const list = await readList(deps, recall, memberId);
  await requireHeldOnce(deps, set, list.ids);
  return { list: list.bytes };
}

async function readList(deps: Deps, recall: Recall, memberId: string): Promise<{ bytes: Bytes; ids: string[] }> {
  const { list: digest, list_size: size, list_plain: plain } = recall;
  if (digest === undefined || size === undefined || plain === undefined) throw new ExchangeError("recall_invalid");
  if ((await wasUploadedBy(deps, digest, memberId)) === undefined) throw new ExchangeError("blob_missing", { digest });
  const bytes = await readBlob(deps, digest, size);
  return { bytes, ids: await decodeRecallList(bytes, { digest, size, plain }, recall) };
}

// An id leaves a row for good, its withdrawal at the least, so one without any was never in the set.
async function requireHeldOnce({ sql }: Queries, set: SetRow, ids: readonly string[]): Promise<void> {
  let unknown = 0;
  for (let at = 0; at < ids.length; at += IDS_A_QUERY) {
    const some = JSON.stringify(ids.slice(at, at + IDS_A_QUERY));
    const [row] = await sql<{ unknown: number }[]>`
      select count(*)::int as unknown from jsonb_array_elements_text(${some}::text::jsonb) as asked(id)
      where not exists (
        select 1 from entry_versions e where e.set_id = ${set.id} and e.id = asked.id and e.release <= ${set.headRelease})`;
    unknown += row?.unknown ?? 0;
  }
  if (unknown > 0) throw new ExchangeError("recall_entries", { unknown });
}
