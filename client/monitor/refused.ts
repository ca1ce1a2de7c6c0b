/** Recalls that somebody brought in the publisher's name and the exchange refused: they are in no log, and yet tell of a try. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Exchange } from "../http/index.ts";
import type { RefusedRecall } from "./state.ts";

export type RefusedSource = Pick<Exchange, "listSets" | "getApplied">;

/** @returns everything that was refused so far, and what of it is new since `before` */
export async function findRefused(
  source: RefusedSource,
  publisher: string,
  before: readonly RefusedRecall[],
): Promise<{ all: RefusedRecall[]; fresh: RefusedRecall[] }> {
  const all: RefusedRecall[] = [];
  for (const { set } of (await source.listSets()).filter((row) => row.publisher === publisher)) {
    const applied = await source
      .getApplied({ publisher, set } as Parameters<RefusedSource["getApplied"]>[0], 1)
      .catch(noneIfHidden);
    for (const { code, by, times } of applied?.refused ?? []) all.push({ set, code, by, times });
  }
  const times = (one: RefusedRecall) =>
    before.find(({ set, code, by }) => set === one.set && code === one.code && by === one.by)?.times ?? 0;
  const fresh = all.flatMap((one) => (one.times > times(one) ? [{ ...one, times: one.times - times(one) }] : []));
  return { all, fresh };
}

// A set without a release has nobody who could have applied anything.
function noneIfHidden(error: unknown): undefined {
  if (error instanceof ExchangeError && error.code === "not_found") return undefined;
  throw error;
}
