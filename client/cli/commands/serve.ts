/** `serve`: the match daemon. Syncs by itself, answers this machine's services, and ends by SIGTERM with its last answer out. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import type { DaemonFact } from "../../serve/index.ts";
import { DEFAULT_LISTEN, MAX_AGE_DEFAULT_SECONDS, SYNC_EVERY_DEFAULT_SECONDS } from "../../serve/limits.ts";
import { parseListen } from "../../serve/token.ts";
import { addCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { onStop } from "../interrupt.ts";
import { parseNumber } from "../parse-number.ts";
import type { Terminal } from "../terminal.ts";

type Options = {
  listen: string;
  tokenFile?: string;
  acceptMedia?: boolean;
  every: string;
  sync: boolean;
  maxAge: string;
};

export function addServe(program: Command): void {
  addCommand<Options>(program, {
    usage: "serve",
    summary: "Answer your own services: POST /v1/match with hashes, texts and addresses, over your verified copies.",
    about:
      "Keeps the copies current by itself; several may run on one profile, and one of them syncs. Hits are only observed until you enable a set. On this machine alone unless --listen names another address, which needs a token. Routes and limits: GET /openapi.json. Freshness: /healthz; readiness: /readyz; Prometheus: /metrics.",
    examples: [
      ["breakwater serve", `at ${DEFAULT_LISTEN}, for this machine`],
      ["breakwater serve --accept-media", "files too, hashed in memory and forgotten"],
      ["breakwater serve --listen 10.0.0.7:8790 --token-file token", "for other machines, behind TLS of yours"],
      ["breakwater serve --no-sync --max-age 3600", "somebody else syncs"],
    ],
    options: (command) =>
      command
        .option("--listen <address>", "host:port", DEFAULT_LISTEN)
        .option(
          "--token-file <file>",
          "callers must send its content as a bearer token (mode 600, 32 characters or more)",
        )
        .option("--accept-media", "take files at POST /v1/match/media")
        .option(
          "--every <seconds>",
          "how often to look for news, give or take a fifth",
          String(SYNC_EVERY_DEFAULT_SECONDS),
        )
        .option("--no-sync", "do not sync: only match, and take over what another process syncs")
        .option(
          "--max-age <seconds>",
          "/healthz answers 503 when a set was not verified for longer",
          String(MAX_AGE_DEFAULT_SECONDS),
        ),
    async run({ terminal, profileDir, profile }, _args, options) {
      const { serve } = await import("../../serve/index.ts");
      const { stateDir } = await profile();
      const everyMs = parseNumber(options.every) * 1000;
      if (everyMs < 1000) throw new ExchangeError("usage_invalid", { reason: "every" });
      const daemon = await serve({
        profileDir,
        stateDir,
        listen: parseListen(options.listen),
        tokenFile: options.tokenFile,
        acceptMedia: options.acceptMedia === true,
        maxAgeSeconds: parseNumber(options.maxAge),
        syncEveryMs: options.sync ? everyMs : undefined,
        onFact: (fact) => printFact(terminal, fact),
      });
      printFact(terminal, { event: "listening", address: new URL(daemon.origin).host });
      await new Promise<void>((resolve) => onStop(resolve));
      printFact(terminal, { event: "stopping" });
      await daemon.close();
      printFact(terminal, { event: "stopped" });
      return EXIT.ok;
    },
  });
}

/** One line a fact, with the time: ids, codes and counts, never what was asked. */
function printFact(terminal: Terminal, { event, ...rest }: DaemonFact): void {
  const at = new Date().toISOString();
  const words = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`,
  );
  terminal.print({ at, event, ...rest }, `${at}  ${event.replaceAll("_", " ")}  ${words.join(" ")}`.trimEnd());
}
