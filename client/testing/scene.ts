/** A double, a publisher with a first release, and a subscriber's empty folders: where most tests begin. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Exchange, openExchange } from "../http/index.ts";
import { type SyncOutcome, syncSet } from "../sync/index.ts";
import type { SyncContext } from "../sync/sync-set.ts";
import { type Double, openDouble, TEST_API_KEY } from "./double-exchange.ts";
import { type DoublePublisher, makeDoublePublisher } from "./double-publisher.ts";
import { testHashEntry } from "./entries.ts";

export type Scene = {
  double: Double;
  publisher: DoublePublisher;
  dir: string;
  stateDir: string;
  source: Exchange;
  sync(changes?: Partial<SyncContext>): Promise<SyncOutcome>;
  close(): Promise<void>;
};

/**
 * @param entries - how many hash entries release 1 has
 * @param linesEach - lines in each segment of a snapshot, where a test wants several
 */
export async function openScene(entries = 3, { linesEach }: { linesEach?: number } = {}): Promise<Scene> {
  const dir = await mkdtemp(join(tmpdir(), "breakwater-client-"));
  const double = await openDouble();
  const publisher = await makeDoublePublisher(
    double,
    undefined,
    undefined,
    linesEach === undefined ? {} : { linesEach },
  );
  await publisher.release(publisher.put(...Array.from({ length: entries }, (_, n) => testHashEntry(n))));
  const stateDir = join(dir, "state");
  const source = openExchange({
    origin: double.origin,
    apiKey: TEST_API_KEY,
    sleep: async () => undefined,
    idleTimeoutMs: 200,
  });
  return {
    double,
    publisher,
    dir,
    stateDir,
    source,
    sync: (changes = {}) =>
      syncSet({
        source,
        stateDir,
        setId: publisher.setId,
        pin: publisher.pin,
        now: new Date(),
        sleep: async () => undefined,
        ...changes,
      }),
    async close() {
      await double.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
