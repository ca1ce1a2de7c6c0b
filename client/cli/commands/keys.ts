/** `keys new`, `keys revoke`, `pin`: a publisher's keys, and which root its subscribers start from. */

import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { Digest, parsePublisher } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { createSigningKeyFile } from "../../profile/key-files.ts";
import { readPins, writePin } from "../../profile/pins.ts";
import { addCommand, addGroup } from "../command.ts";
import { parseNumber } from "../parse-number.ts";
import { confirmByName } from "../prompt.ts";
import { addRevoke } from "./revoke.ts";

type NewOptions = { root?: boolean; public?: string };

export function addKeys(program: Command): void {
  const keys = addGroup(program, "keys", "Make keys on this machine, and revoke them.", [
    ["breakwater keys new", "a release key"],
    ["breakwater keys revoke KID", "a release key that is lost or stolen"],
  ]);
  addCommand<NewOptions>(keys, {
    usage: "new",
    summary: "Make a release key, or with --root a root key, in the profile's keys folder (mode 0600).",
    about:
      "The key takes effect with the next root that lists it. The file of --public holds nothing secret: whoever proposes the root needs it.",
    examples: [
      ["breakwater keys new", "prints the key's id, never the key"],
      ["breakwater keys new --root --public my-root-key.json", "for a root that several people sign"],
    ],
    options: (command) =>
      command
        .option("--root", "a root key: it signs roots and nothing else")
        .option("--public <file>", "write the public half there"),
    async run({ terminal, profileDir }, _args, options) {
      const use = options.root === true ? "root" : "release";
      const { kid, path, publicJwk } = await createSigningKeyFile(profileDir, use);
      if (options.public !== undefined) await writeFile(options.public, `${JSON.stringify(publicJwk)}\n`);
      terminal.print(
        { kid, file: path, public_jwk: publicJwk },
        terminal.mark("done", `${use} key  ${kid}  keys/${basename(path)}`),
      );
      return undefined;
    },
  });
  addRevoke(keys);
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
