// The whole exchange as `npm start` runs it, with its demo members, for figures that are about all of it.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPins } from "@breakwater/client/index.ts";
import type { Pin } from "@breakwater/client/profile/pins.ts";
import { startExchange } from "@breakwater/local/exchange.ts";
import { type Seeded, seed } from "@breakwater/local/seed.ts";
import { parseSetId, type SetId } from "@breakwater/shared/ids.ts";

export type Demo = {
  url: string;
  databaseUrl: string;
  /** When `inspect` was asked for. */
  inspectorUrl: string | undefined;
  home: string;
  profiles: Seeded["profiles"];
  setId: SetId;
  pin: Pin;
};

/** Starts it in a folder of its own, which is gone afterwards. */
export async function withDemo<T>(
  say: (sentence: string) => void,
  work: (demo: Demo) => Promise<T>,
  options: { assets?: string; inspect?: boolean } = {},
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), "breakwater-bench-"));
  chmodSync(home, 0o711); // the database's own user passes through
  const exchange = await startExchange({ home, ...options });
  try {
    const { signal } = new AbortController();
    const { profiles } = await seed({ home, exchange, say: () => {}, signal });
    const setId = parseSetId("hotline.example/verified");
    const pin = (await readPins(profiles.company.dir))[setId.publisher];
    if (pin === undefined) throw new Error(`${profiles.company.dir} has no pin of ${setId.publisher}`);
    say(`The exchange runs at ${exchange.url}.`);
    const { url, databaseUrl, inspectorUrl } = exchange;
    return await work({ url, databaseUrl, inspectorUrl, home, profiles, setId, pin });
  } finally {
    await exchange.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
