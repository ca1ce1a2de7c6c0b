/** `pin`: where trust starts. Which root of a publisher, and which key of the exchange's log, this profile believes. */

import { Digest, LogOrigin, parsePublisher } from "@breakwater/shared/ids.ts";
import { parseVkey } from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { type LogPin, logPinOf, obtainLogPin, readLogPin, writeLogPin } from "../../profile/log-pins.ts";
import { readPins, writePin } from "../../profile/pins.ts";
import { findProfile } from "../../profile/profile.ts";
import { addCommand, type Context } from "../command.ts";
import { parseNumber } from "../parse-number.ts";
import { confirmByName } from "../prompt.ts";

type Options = { digest?: string; version: string; yes?: string; logVkey?: string; logUrl?: string };

export function addPin(program: Command): void {
  addCommand<Options>(program, {
    usage: "pin [publisher]",
    summary:
      "Pin a publisher's root, as the agreement names it, or the key of the exchange's log; without either, list the pins.",
    about:
      "A pin is where all trust starts. Take the digest from the agreement or from the publisher, never from the exchange alone. The log's key is taken from the exchange at first use and never again; give it with --log-vkey to compare it, or after the operator has told you of a new one.",
    examples: [
      ["breakwater pin hotline.example --digest sha256:…", "root version 1"],
      ["breakwater pin --log-vkey exchange.example/log1+…", "the log's key, from your agreement"],
      ["breakwater pin", "what is pinned"],
    ],
    options: (command) =>
      command
        .option("--digest <digest>", "`sha256:` and 64 hex digits")
        .option("--version <n>", "the root version that has this digest", "1")
        .option("--log-vkey <vkey>", "the verifier key of the exchange's log")
        .option("--log-url <url>", "where that log lies (otherwise where the exchange says)")
        .option("--yes <name>", "replace a pin without asking: the publisher, or the log's origin"),
    async run(context, [name], options) {
      if (options.logVkey !== undefined) await pinLog(context, options.logVkey, options);
      if (name !== undefined) await pinRoot(context, name, options);
      else if (options.logVkey === undefined) await listPins(context);
      return undefined;
    },
  });
}

async function pinRoot(context: Context, name: string, options: Options): Promise<void> {
  const { terminal, profileDir } = context;
  const publisher = parsePublisher(name);
  const digest = Digest.safeParse(options.digest);
  if (!digest.success) throw new ExchangeError("digest_invalid");
  const pin = { version: parseNumber(options.version), digest: digest.data };
  const before = (await readPins(profileDir))[publisher];
  if (before !== undefined && (before.digest !== pin.digest || before.version !== pin.version)) {
    terminal.note(`  This replaces root ${before.version}, ${before.digest}.`);
    await confirmByName(publisher, options.yes, "Type the publisher's name to go on:");
  }
  await writePin(profileDir, publisher, pin);
  terminal.print({ publisher, ...pin }, terminal.mark("done", `pinned  ${publisher}  root ${pin.version}`));
  if (options.logVkey === undefined) await firstUse(context);
}

/** The log's key is held to from the moment that a publisher is: later there could be something to hide. */
async function firstUse(context: Context): Promise<void> {
  const { terminal, profileDir } = context;
  if ((await findProfile(profileDir).catch(() => undefined)) === undefined) return;
  try {
    const { pin, isNew } = await obtainLogPin(profileDir, await context.exchange(), context.now());
    if (isNew) printLog(terminal, pin);
  } catch (error) {
    // The root is pinned all the same; the next sync meets the log.
    if (!(error instanceof ExchangeError)) throw error;
    terminal.note(terminal.mark("note", `the exchange's log is pinned at the next sync (${error.code})`));
  }
}

async function pinLog(context: Context, text: string, options: Options): Promise<void> {
  const { terminal, profileDir } = context;
  const exchange = await context.exchange();
  const vkey = parseVkey(text);
  const before = await readLogPin(profileDir, exchange.origin);
  const url = options.logUrl ?? before?.url ?? (await exchange.getLogInfo()).url;
  const origin = LogOrigin.safeParse(vkey.name);
  if (!origin.success) throw new ExchangeError("key_invalid", { reason: "name" });
  if (before !== undefined && before.vkey !== text) {
    terminal.note(`  This replaces ${before.vkey}.`, "  The log is read again from its beginning.");
    await confirmByName(origin.data, options.yes, "Type the log's origin to go on:");
  }
  const pin = logPinOf({ url, origin: origin.data, vkey: text }, "given", context.now());
  await writeLogPin(profileDir, exchange.origin, pin);
  printLog(terminal, pin);
}

async function listPins({ terminal, profileDir }: Context): Promise<void> {
  const pins = await readPins(profileDir);
  for (const [publisher, pin] of Object.entries(pins)) {
    terminal.print({ publisher, ...pin }, `${publisher}  root ${pin.version}  ${pin.digest}`);
  }
  if (Object.keys(pins).length === 0)
    terminal.note("No publisher is pinned. Take a digest from your agreement, then: breakwater pin");
  const profile = await findProfile(profileDir);
  const log = profile && (await readLogPin(profileDir, profile.exchange));
  if (log !== undefined) printLog(terminal, log);
}

export function printLog(terminal: Context["terminal"], { origin, vkey, url, trust }: LogPin): void {
  const how = trust === "given" ? "compared by you" : "believed at first use; compare it with your agreement";
  terminal.print({ log: origin, vkey, url, trust }, `${origin}  log  ${how}`, `  ${terminal.label("vkey")}  ${vkey}`);
}
