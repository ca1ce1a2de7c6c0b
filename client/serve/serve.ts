/** The match daemon, put together: copies, controls and ledger in one thread, syncs in another, HTTP in this one. */

import type { AddressInfo } from "node:net";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openEngine } from "./engine.ts";
import { DRAIN_MS, IDLE_LOOK_MS, WATCH_EVERY_MS } from "./limits.ts";
import { makeMetrics } from "./metrics.ts";
import { makeServer } from "./server.ts";
import { startSyncLoop } from "./sync-loop.ts";
import { isLoopback, readToken } from "./token.ts";
import { watchState } from "./watch-state.ts";

export type ServeOptions = {
  profileDir: string;
  stateDir: string;
  listen: { host: string; port: number };
  tokenFile?: string | undefined;
  acceptMedia: boolean;
  maxAgeSeconds: number;
  /** Between rounds of syncs; undefined: somebody else keeps the copies current. */
  syncEveryMs?: number | undefined;
  /** Facts about what the daemon does: ids, codes and counts. */
  onFact(fact: DaemonFact): void;
};

export type DaemonFact = { event: string } & Record<string, unknown>;

export type Daemon = {
  origin: string;
  /** Answers what is in flight, then ends; resolves when all is written down. */
  close(): Promise<void>;
};

const LISTEN_REASONS: Record<string, string> = { EADDRINUSE: "listen_taken", EACCES: "listen_forbidden" };

/** @throws ExchangeError `config_invalid`: bound elsewhere than on this machine without a token */
export async function serve(options: ServeOptions): Promise<Daemon> {
  const { profileDir, stateDir, listen, onFact } = options;
  const token = options.tokenFile === undefined ? undefined : await readToken(options.tokenFile);
  // A lookup that anybody on the network may ask is a way to test files against the lists (DESIGN rule 10).
  if (!isLoopback(listen.host) && token === undefined)
    throw new ExchangeError("config_invalid", { reason: "token_needed" });
  let draining = false;
  let said = "undefined ";
  const metrics = makeMetrics();
  const engine = await openEngine(
    { stateDir, profileDir },
    {
      onTold: (fact) => onFact(fact as DaemonFact),
      onCrash: (kind) => onFact({ event: "engine_crashed", kind }),
      onReload(how, changed, failed) {
        metrics.count("breakwater_reloads_total", { how });
        if (failed.length > 0) metrics.count("breakwater_reload_failures_total", {}, failed.length);
        onFact({ event: "reloaded", how, changed, ...(failed.length === 0 ? {} : { failed }) });
      },
    },
  );
  const server = makeServer({ ...options, engine, metrics, token, host: listen.host, isDraining: () => draining });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(listen.port, listen.host, resolve);
    });
  } catch (cause) {
    await engine.close();
    const reason = LISTEN_REASONS[String((cause as NodeJS.ErrnoException).code)] ?? "listen";
    throw new ExchangeError("config_invalid", { reason }, { cause });
  }
  const watch = watchState(stateDir, WATCH_EVERY_MS, () => engine.refresh());
  const loop =
    options.syncEveryMs === undefined
      ? undefined
      : startSyncLoop({
          stateDir,
          profileDir,
          everyMs: options.syncEveryMs,
          onSkipped: () => metrics.count("breakwater_syncs_total", { set: "", outcome: "elsewhere" }),
          onRound({ outcomes, takenBack, problem }) {
            for (const { set, outcome } of outcomes) metrics.count("breakwater_syncs_total", { set, outcome });
            const news = outcomes.filter(({ outcome }) => outcome !== "current");
            // Said when it begins and when it changes, not every few seconds.
            const trouble = `${problem} ${news.map(({ set, outcome, code }) => `${set} ${outcome} ${code}`).join()}`;
            const isNew = trouble !== said || takenBack > 0 || news.some(({ outcome }) => outcome === "updated");
            said = trouble;
            if (isNew)
              onFact({
                event: "synced",
                outcomes: news,
                taken_back: takenBack,
                ...(problem === undefined ? {} : { problem }),
              });
            // A recall should not wait for the next look.
            void watch.look();
          },
        });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    origin: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    async close() {
      draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that was answered while this began would otherwise be kept for its next request.
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
      const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      watch.close();
      await Promise.all([closed, loop?.close()]);
      clearInterval(idle);
      clearTimeout(cut);
      await engine.close();
    },
  };
}
