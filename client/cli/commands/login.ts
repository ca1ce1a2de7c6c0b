/** `login`: which exchange, and the API key, read where neither a process list nor a shell history sees it. */

import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import type { Exchange } from "../../http/index.ts";
import { logPinOf, obtainLogPin, readLogPin, writeLogPin } from "../../profile/log-pins.ts";
import {
  API_KEY_PATTERN,
  findProfile,
  type Profile,
  parseExchangeOrigin,
  writeProfile,
} from "../../profile/profile.ts";
import { addCommand, type Context, openWith } from "../command.ts";
import { readSecret } from "../prompt.ts";

type Options = {
  exchange: string;
  member?: string;
  publisher?: string;
  stateDir?: string;
  logVkey?: string;
  check: boolean;
};

export function addLogin(program: Command): void {
  addCommand<Options>(program, {
    usage: "login",
    summary: "Store an exchange's address and your API key in the profile (mode 0600).",
    about:
      "The key comes from $BREAKWATER_API_KEY, from standard input, or from a prompt without echo; never from the command line.",
    examples: [
      ["breakwater login --exchange https://exchange.example", "asks for the key"],
      ["breakwater login --exchange https://exchange.example < key.txt", "reads it from a file"],
    ],
    options: (command) =>
      command
        .requiredOption("--exchange <address>", "the exchange's address, without a path")
        .option("--member <name>", "your organisation's short name, for your own overview")
        .option("--publisher <name>", "the publisher name that you publish under")
        .option("--state-dir <dir>", "where verified copies lie (otherwise `state` in the profile folder)")
        .option("--log-vkey <vkey>", "the verifier key of the exchange's log, from your agreement")
        .option("--no-check", "store without asking the exchange"),
    async run(context, _args, options) {
      const { terminal, env, profileDir } = context;
      const apiKey = env.BREAKWATER_API_KEY || (await readSecret("API key (not shown):"));
      if (!API_KEY_PATTERN.test(apiKey)) throw new ExchangeError("api_key_invalid", { reason: "form" });
      const before = await findProfile(profileDir).catch(() => undefined);
      const profile: Profile = {
        dir: profileDir,
        exchange: parseExchangeOrigin(options.exchange),
        apiKey,
        stateDir: options.stateDir ?? before?.stateDir ?? join(profileDir, "state"),
      };
      const member = options.member ?? before?.member;
      const publisher = options.publisher ?? before?.publisher;
      if (member !== undefined) profile.member = member;
      if (publisher !== undefined) profile.publisher = publisher;
      // A key for operating need not be allowed to read sets: any answer but "not known" shows that the key is one.
      const exchange = openWith(terminal, profile);
      if (options.check) await checkKey(exchange);
      await writeProfile(profile);
      if (options.check) await pinLog(context, exchange, options.logVkey);
      terminal.print(
        { logged_in: true, exchange: profile.exchange, ...(member === undefined ? {} : { member }) },
        terminal.mark("done", `logged in  ${profile.exchange}`),
      );
      return undefined;
    },
  });
}

/** Believed at first use; one that differs from what a person gave is refused, and never replaced by itself. */
async function pinLog(
  { terminal, profileDir, now }: Context,
  exchange: Exchange,
  given: string | undefined,
): Promise<void> {
  if (given === undefined) {
    try {
      const { pin, isNew } = await obtainLogPin(profileDir, exchange, now());
      if (isNew) terminal.note(terminal.mark("note", `log pinned at first use: ${pin.vkey}`));
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      terminal.note(terminal.mark("note", `the exchange's log is pinned at the first sync (${error.code})`));
    }
    return;
  }
  const offered = await exchange.getLogInfo();
  if (offered.vkey !== given) throw new ExchangeError("cp_sig", { reason: "the_exchange_offers_another_log_key" });
  const held = await readLogPin(profileDir, exchange.origin);
  if (held !== undefined && held.vkey !== given)
    throw new ExchangeError("conflict", { reason: "another_log_is_pinned" });
  await writeLogPin(profileDir, exchange.origin, logPinOf(offered, "given", now()));
}

async function checkKey(exchange: ReturnType<typeof openWith>): Promise<void> {
  try {
    await exchange.listSets();
  } catch (error) {
    const mayNotRead =
      error instanceof ExchangeError &&
      (error.code === "scope_required" || error.code === "role_required" || error.code === "forbidden");
    if (!mayNotRead) throw error;
  }
}
