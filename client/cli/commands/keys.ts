/** `keys new`, `keys revoke`: a publisher's keys on this machine. */

import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { createSigningKeyFile } from "../../profile/key-files.ts";
import { addCommand, addGroup } from "../command.ts";
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
