/** Taking entries back: named by id or by value, gone from the next release, and the reason kept here. */

import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEntry } from "@breakwater/shared/entries/index.ts";
import { EntryId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { WithdrawalReason } from "@breakwater/shared/vocab/reasons.ts";
import { PRIVATE_FILE_MODE } from "../profile/private-files.ts";
import { entriesById } from "../sync/copy.ts";
import { setDir } from "../sync/paths.ts";
import { openOwnSet, type PublisherContext } from "./own-set.ts";
import { finishPending, type Published, releaseChanges } from "./publish.ts";

export type WithdrawInput = {
  ids: string[];
  /** Hash values, terms, addresses or keys, as the entries have them. */
  values: string[];
  reason: WithdrawalReason;
  /** Nothing that holders keep may still carry the entries' bytes; they have a day to purge. */
  erase?: boolean;
  confirm?: (count: number, entriesAfter: number) => Promise<void>;
};

/** @throws ExchangeError `not_found` with how many of the named ones are not in the set; then nothing is withdrawn */
export async function withdrawEntries(
  context: PublisherContext,
  input: WithdrawInput,
): Promise<Published & { ids: string[] }> {
  const resumed = await finishPending(context);
  const own = await openOwnSet(context);
  if (own.copy === undefined) throw new ExchangeError("copy_missing");
  const held: Map<string, string> = entriesById(own.copy.lines);
  const ids = findNamed(own.answer.kind, held, input);
  const entries = new Map([...held].filter(([id]) => !ids.has(id)));
  await input.confirm?.(ids.size, entries.size);
  const changes = [...ids].map((id) => ({ op: "del" as const, id, why: "withdrawn" as const }));
  const count = { added: 0, changed: 0, removed: ids.size };
  const { about } = own.copy.manifest;
  const purpose = input.erase ? ({ purpose: "erasure" } as const) : {};
  const published = await releaseChanges(context, own, { about, changes, entries, count, ...purpose }, resumed);
  await noteReason(context, {
    at: context.now.toISOString(),
    release: published.release,
    reason: input.reason,
    ids: [...ids],
  });
  return { ...published, ids: [...ids] };
}

const VALUE_MEMBERS = { hash: "value", term: "text", url: "url", indicator: "key" } as const;

function findNamed(
  kind: keyof typeof VALUE_MEMBERS,
  held: ReadonlyMap<string, string>,
  input: WithdrawInput,
): Set<string> {
  const ids = new Set<string>();
  let missing = 0;
  for (const id of input.ids) {
    if (EntryId.safeParse(id).success && held.has(id)) ids.add(id);
    else missing++;
  }
  const byValue = new Map<string, string[]>();
  if (input.values.length > 0) {
    for (const [id, line] of held) {
      const entry = parseEntry(kind, line, { strict: false }) as unknown as Record<string, unknown>;
      const value = entry[VALUE_MEMBERS[kind]];
      if (typeof value === "string") byValue.set(value, [...(byValue.get(value) ?? []), id]);
    }
  }
  for (const value of input.values) {
    const found = byValue.get(value);
    if (found === undefined) missing++;
    else for (const id of found) ids.add(id);
  }
  if (missing > 0) throw new ExchangeError("not_found", { reason: "not_in_the_set", missing });
  if (ids.size === 0) throw new ExchangeError("usage_invalid", { reason: "name_at_least_one_entry" });
  return ids;
}

/** Reasons are told to people and never written into the set: the publisher's own record of them. */
async function noteReason({ stateDir, setId }: PublisherContext, record: object): Promise<void> {
  await appendFile(join(setDir(stateDir, setId), "withdrawals.ndjson"), `${JSON.stringify(record)}\n`, {
    mode: PRIVATE_FILE_MODE,
  });
}
