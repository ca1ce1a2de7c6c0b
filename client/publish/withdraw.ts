/** Taking entries back: named by id or by value, gone from the next release, and the reason kept here. */

import { EntryId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { WithdrawalReason } from "@breakwater/shared/vocab/reasons.ts";
import type { CopyRows } from "../sync/rows.ts";
import { entriesOf, type PublisherContext, withOwnSet } from "./own-set.ts";
import { finishPending, type Published, releaseChanges } from "./publish.ts";
import { findSameItem } from "./same-item.ts";
import { keysOf, noteWithdrawal } from "./withdrawals.ts";

export type WithdrawInput = {
  ids: string[];
  /** Hash values, terms, addresses or keys, as the entries have them. */
  values: string[];
  reason: WithdrawalReason;
  /** Nothing that holders keep may still carry the entries' bytes; they have a day to purge. */
  erase?: boolean;
  confirm?: (count: number, entriesAfter: number) => Promise<void>;
};

export type Withdrawn = Published & {
  ids: string[];
  /** Entries that stand for the same items and stay listed. */
  sameItem: string[];
};

/** @throws ExchangeError `not_found` with how many of the named ones are not in the set; then nothing is withdrawn */
export async function withdrawEntries(context: PublisherContext, input: WithdrawInput): Promise<Withdrawn> {
  const resumed = await finishPending(context);
  return withOwnSet(context, async (own) => {
    const { copy } = own;
    if (copy === undefined) throw new ExchangeError("copy_missing");
    const named = await findNamed(own.answer.kind, copy, input);
    const ids = [...named].sort();
    const entries = entriesOf(copy, named);
    await input.confirm?.(ids.length, entries.count);
    const changes = ids.map((id) => ({ op: "del" as const, id, why: "withdrawn" as const }));
    const count = { added: 0, changed: 0, removed: ids.length };
    const { about } = copy.manifest;
    const purpose = input.erase ? ({ purpose: "erasure" } as const) : {};
    const keys = input.erase ? undefined : keysOf(own.answer.kind, copy, ids);
    const sameItem = await findSameItem(copy, named);
    const published = await releaseChanges(context, own, { about, changes, entries, count, ...purpose }, resumed);
    const { release } = published;
    const at = context.now.toISOString();
    await noteWithdrawal(context.stateDir, context.setId, { at, release, reason: input.reason, ids, keys });
    return { ...published, ids, sameItem };
  });
}

const VALUE_MEMBERS = { hash: "value", term: "text", url: "url", indicator: "key" } as const;

async function findNamed(
  kind: keyof typeof VALUE_MEMBERS,
  copy: Pick<CopyRows, "findRow" | "rows">,
  input: WithdrawInput,
): Promise<Set<string>> {
  const ids = new Set<string>();
  let missing = 0;
  for (const id of input.ids) {
    if (EntryId.safeParse(id).success && copy.findRow(id) !== undefined) ids.add(id);
    else missing++;
  }
  const found = new Set<string>();
  const values = new Set(input.values);
  if (values.size > 0) {
    for await (const { id, line } of copy.rows()) {
      const value = (JSON.parse(line) as Record<string, unknown>)[VALUE_MEMBERS[kind]];
      if (typeof value !== "string" || !values.has(value)) continue;
      found.add(value);
      ids.add(id);
    }
  }
  missing += input.values.filter((value) => !found.has(value)).length;
  if (missing > 0) throw new ExchangeError("not_found", { reason: "not_in_the_set", missing });
  if (ids.size === 0) throw new ExchangeError("usage_invalid", { reason: "name_at_least_one_entry" });
  return ids;
}
