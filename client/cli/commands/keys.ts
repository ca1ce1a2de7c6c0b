/** `keys new`, `pin`, `root create`: a publisher's keys, and the root that subscribers pin. */

import { basename } from "node:path";
import { Digest, parsePublisher } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { createSigningKeyFile } from "../../profile/key-files.ts";
import { readPins, writePin } from "../../profile/pins.ts";
import { createRoot } from "../../publish/root.ts";
import { addCommand, addGroup } from "../command.ts";
import { confirmByName } from "../prompt.ts";

export function addKeys(program: Command): void {
  const keys = addGroup(program, "keys", "Make keys on this machine.", [["breakwater keys new", "a release key"]]);
  addCommand(keys, {
    usage: "new",
    summary: "Make a release key in the profile's keys folder (mode 0600).",
    about: "The key takes effect with the next root that lists it.",
    examples: [["breakwater keys new", "prints the key's id, never the key"]],
    async run({ terminal, profileDir }) {
      const { kid, path } = await createSigningKeyFile(profileDir, "release");
      terminal.print({ kid, file: path }, terminal.mark("done", `release key  ${kid}  keys/${basename(path)}`));
      return undefined;
    },
  });
}

type RootOptions = {
  custody: "member" | "exchange";
  publisher?: string;
  keys: string;
  threshold: string;
  log?: string;
};

export function addRoot(program: Command): void {
  const root = addGroup(program, "root", "The document that names a publisher's keys.", [
    ["breakwater root create --custody member", "root and release keys on this machine"],
  ]);
  addCommand<RootOptions>(root, {
    usage: "create",
    summary: "Make root keys, sign the first root, post it and pin it.",
    about:
      "Root keys stay in the profile's keys folder and never reach an exchange. Give the digest that is printed to your subscribers with the agreement: it is what they pin.",
    examples: [
      ["breakwater root create --custody member", "you sign releases"],
      ["breakwater root create --custody exchange", "the exchange signs them for you"],
      ["breakwater root create --custody member --keys 3 --threshold 2", "two of three people"],
    ],
    options: (command) =>
      command
        .requiredOption("--custody <who>", "who holds the release key: member or exchange")
        .option("--publisher <name>", "otherwise the profile's")
        .option("--keys <n>", "how many root keys to make", "1")
        .option("--threshold <n>", "how many of them must sign", "1")
        .option("--log <origin>", "the home log, otherwise the exchange's"),
    async run(context, _args, options) {
      const { terminal } = context;
      const profile = await context.profile();
      const publisher = parsePublisher(options.publisher ?? profile.publisher);
      if (options.custody !== "member" && options.custody !== "exchange")
        throw new ExchangeError("usage_invalid", { reason: "custody" });
      const made = await createRoot({
        exchange: await context.exchange(),
        profileDir: context.profileDir,
        publisher,
        custody: options.custody,
        rootKeys: parseNumber(options.keys),
        threshold: parseNumber(options.threshold),
        ...(options.log === undefined ? {} : { log: options.log }),
        now: context.now(),
      });
      terminal.print(
        {
          publisher,
          version: made.version,
          digest: made.digest,
          custody: options.custody,
          root_kids: made.rootKids,
          release_kids: made.releaseKids,
        },
        terminal.mark("done", `root ${made.version}  ${publisher}  posted and pinned`),
        `  ${terminal.label("digest")}  ${made.digest}`,
        `  ${terminal.label("next")}    give the digest to your subscribers with the agreement; keep keys/ safe and offline`,
      );
      return undefined;
    },
  });
}

type PinOptions = { digest?: string; version: string; yes?: string };

export function addPin(program: Command): void {
  addCommand<PinOptions>(program, {
    usage: "pin [publisher]",
    summary: "Pin a publisher's root, as the agreement names it; without a name, list the pins.",
    about:
      "A pin is where all trust starts. Take the digest from the agreement or from the publisher, never from the exchange alone.",
    examples: [
      ["breakwater pin hotline.example --digest sha256:…", "root version 1"],
      ["breakwater pin", "what is pinned"],
    ],
    options: (command) =>
      command
        .option("--digest <digest>", "`sha256:` and 64 hex digits")
        .option("--version <n>", "the root version that has this digest", "1")
        .option("--yes <publisher>", "replace a pin without asking"),
    async run({ terminal, profileDir }, [name], options) {
      const pins = await readPins(profileDir);
      if (name === undefined) {
        for (const [publisher, pin] of Object.entries(pins)) {
          terminal.print({ publisher, ...pin }, `${publisher}  root ${pin.version}  ${pin.digest}`);
        }
        if (Object.keys(pins).length === 0)
          terminal.note("No publisher is pinned. Take a digest from your agreement, then: breakwater pin");
        return undefined;
      }
      const publisher = parsePublisher(name);
      const digest = Digest.safeParse(options.digest);
      if (!digest.success) throw new ExchangeError("digest_invalid");
      const pin = { version: parseNumber(options.version), digest: digest.data };
      const before = pins[publisher];
      if (before !== undefined && (before.digest !== pin.digest || before.version !== pin.version)) {
        terminal.note(`  This replaces root ${before.version}, ${before.digest}.`);
        await confirmByName(publisher, options.yes, "Type the publisher's name to go on:");
      }
      await writePin(profileDir, publisher, pin);
      terminal.print({ publisher, ...pin }, terminal.mark("done", `pinned  ${publisher}  root ${pin.version}`));
      return undefined;
    },
  });
}

function parseNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new ExchangeError("usage_invalid", { reason: "number" });
  return Number(text);
}
