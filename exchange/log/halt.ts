/** When the rows know less than the world: a restored database gives out no index that was given out before. */

import { findUtf8 } from "@breakwater/shared/bytes.ts";
import { parseCheckpoint, parseNote } from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Deps } from "../platform/deps.ts";
import { logHalted } from "./events.ts";
import { readLogHead } from "./leaves.ts";
import { CHECKPOINT_KEY, readObject } from "./published.ts";
import type { LogHalt } from "./tables.ts";

/**
 * Asked before every statement takes effect: one object read. A database restored to an earlier hour does not know
 * that it was; the object store does.
 *
 * @throws ExchangeError `log_behind`, `log_conflict`; the log stays halted until it is resumed (see restore.ts)
 */
export async function requireLogAhead(deps: Deps): Promise<void> {
  // The checkpoint first: it only ever covers rows that were there before it.
  const published = await readPublishedSize(deps);
  const { size, halted } = await readLogHead(deps);
  if (halted !== null) throw new ExchangeError(halted);
  if (published <= size) return;
  await haltLog(deps, "log_behind", { size, seen: published });
  throw new ExchangeError("log_behind", { have: size, published });
}

// The signature is not checked: whoever could forge this object could as well delete it, and a wrong size only stops us.
async function readPublishedSize({ objects }: Deps): Promise<number> {
  const found = await readObject(objects, CHECKPOINT_KEY);
  if (found === undefined) return 0;
  try {
    return parseCheckpoint(parseNote(findUtf8(found.bytes) ?? "").text).size;
  } catch (cause) {
    throw new ExchangeError("log_conflict", { reason: "checkpoint" }, { cause });
  }
}

/** No leaf is given an index from here on; shown in the log of events each time it is found. */
export async function haltLog(
  { sql, events }: Deps,
  code: LogHalt,
  sizes: { size: number; seen: number },
): Promise<void> {
  await sql`update log_head set halted = ${code} where id = 1 and halted is distinct from ${code}`;
  logHalted(events, { code, ...sizes });
}
