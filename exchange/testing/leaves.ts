/** Leaves of a log without the statements behind them: made-up envelopes, many at a time. */
import { type Digest, digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { appendLeaf, lockLog } from "../log/index.ts";
import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";

let made = 0;

/** The smallest thing that has an envelope's form; `tag` makes it another one. */
export function testEnvelope(tag: string | number): Uint8Array {
  const payload = btoa(`{"tag":"${tag}"}`).replaceAll("=", "");
  return utf8Of(`{"payload":"${payload}","signatures":[]}`);
}

/** As admissions do, and without their nudge. */
export async function appendTestLeaves(deps: Deps, count: number): Promise<void> {
  await transaction(deps, async (tx) => {
    await lockLog(tx);
    for (let at = 0; at < count; at++) {
      made += 1;
      const envelope = testEnvelope(made);
      const digest: Digest = await digestOf(envelope);
      await appendLeaf(tx, { typ: "bw-release+jws", digest, envelope, now: deps.now() });
    }
  });
}

/** What a restore to an earlier hour leaves of the log's rows. */
export async function forgetLeaves({ sql }: Pick<Deps, "sql">, size: number): Promise<void> {
  await sql`delete from releases where log_index >= ${size}`;
  await sql`delete from publisher_roots where log_index >= ${size}`;
  await sql`delete from log_leaves where log_index >= ${size}`;
  await sql`update log_head set size = ${size}`;
  await sql`update log_publication set size = least(size, ${size})`;
}
