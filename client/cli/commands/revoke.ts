/** `keys revoke`: a root without the release key; from its place in the log on, nothing that the key signs counts. */

import { Kid } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { openNewestRoot } from "../../publish/rotate.ts";
import { addCommand } from "../command.ts";
import { rotate, rotationContext } from "./root-rotate.ts";

type Options = { publisher?: string; key?: string[]; yes?: string };
const collect = (value: string, before: string[] = []) => [...before, value];

export function addRevoke(keys: Command): void {
  addCommand<Options>(keys, {
    usage: "revoke <kid>",
    summary: "Revoke a release key: the next root no longer lists it, and log order decides from then on.",
    about:
      "When it was the only one, a new release key is made here and takes its place. If somebody else published with it, go on with: breakwater recover SET",
    examples: [["breakwater keys revoke KID", "the key's id stands in: breakwater root rotate --help"]],
    options: (command) =>
      command
        .option("--publisher <name>", "otherwise the profile's")
        .option("--key <file>", "a root key that is not in the profile; may be repeated", collect)
        .option("--yes <publisher>", "do not ask"),
    async run(context, [kid], options) {
      if (!Kid.safeParse(kid).success) throw new ExchangeError("usage_invalid", { reason: "kid" });
      const { root } = await openNewestRoot(await rotationContext(context, options));
      const { kids } = root.roles.release;
      if (!kids.includes(kid as Kid))
        throw new ExchangeError("not_found", { reason: "no_such_release_key_in_the_root" });
      const replaced = kids.length <= root.roles.release.threshold ? { addRelease: ["new"] } : {};
      return rotate(context, { ...options, removeRelease: [kid as string], ...replaced });
    },
  });
}
