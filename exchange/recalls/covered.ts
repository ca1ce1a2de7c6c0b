/** Which entries of a set are taken back at this moment, for whoever else shows them. */

import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseRecall, type Recall } from "@breakwater/shared/recall.ts";
import { decodeRecallList } from "@breakwater/shared/recall-list.ts";
import type { Deps } from "../platform/deps.ts";
import { getNewestRoot, readBlob, type SetRow } from "../sets/index.ts";
import { isVouchedFor, listUnexpired } from "./store.ts";

/** Of one recall in force: its own ids, or its releases, or everything when it is known that, and not yet which. */
export type Covered = { recall: number; ids?: string[]; releases?: [number, number]; all?: true };

/** The recalls in force by number, each as what it covers. */
export async function listCovered(deps: Deps, set: SetRow): Promise<Covered[]> {
  if (set.headRecall === 0) return [];
  const rows = await listUnexpired(deps, set.id, deps.now());
  if (rows.length === 0) return [];
  const root = await getNewestRoot(deps, set.publisher);
  const covered: Covered[] = [];
  for (const row of rows) {
    if (!isVouchedFor(row, root)) continue;
    const recall = parseRecall(parseEnvelope(row.envelope).payloadBytes);
    covered.push({ recall: row.recall, ...(await coverageOf(deps, recall)) });
  }
  return covered;
}

async function coverageOf(deps: Deps, recall: Recall): Promise<Omit<Covered, "recall">> {
  if (recall.entries !== undefined) return { ids: [...recall.entries] };
  if (recall.releases !== undefined) return { releases: recall.releases };
  const { list: digest, list_size: size, list_plain: plain } = recall;
  if (digest === undefined || size === undefined || plain === undefined) return { all: true };
  try {
    const bytes = await readBlob(deps, digest, size);
    return { ids: await decodeRecallList(bytes, { digest, size, plain }, recall) };
  } catch (error) {
    // A store that is away for a moment is tried again; a list that is lost or wrong covers the whole set.
    if (error instanceof ExchangeError && error.status < 500) return { all: true };
    throw error;
  }
}
