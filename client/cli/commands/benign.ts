/** `benign add`: the subscriber's own harmless files, so that an entry which would hit them is held. */

import type { Command } from "commander";
import { benignLineOf, addBenign as keepBenign, openBenign } from "../../sync/benign.ts";
import { addCommand, addGroup } from "../command.ts";
import { hashReadable } from "../each-file.ts";
import { createLeftOut } from "../left-out.ts";
import { startProgress } from "../progress.ts";
import { LOCK_WAIT_MS, withStateLock } from "../sets.ts";
import { formatCount } from "../words.ts";

export function addBenign(program: Command): void {
  const benign = addGroup(program, "benign", "Your own harmless files, as hashes.", [
    ["breakwater benign add logos/", "hash a folder"],
  ]);
  addCommand(benign, {
    usage: "add <paths...>",
    summary: "Hash files that are known to be harmless. A release with an entry that would hit one of them is held.",
    about:
      "Your logos, templates, default pictures: what must never be blocked. Files are read here, in memory; only their hashes are kept, without names, and nothing is sent.",
    examples: [["breakwater benign add logos/ default-avatar.png", "files and folders"]],
    async run(context, paths) {
      const { terminal } = context;
      const { stateDir } = await context.profile();
      const progress = startProgress(terminal);
      const lines: ReturnType<typeof benignLineOf>[] = [];
      const leftOut = createLeftOut(terminal, progress, "added");
      for await (const { file } of hashReadable(paths, leftOut)) {
        lines.push(benignLineOf(file));
        progress.update("hashing", lines.length, undefined, "files");
      }
      progress.end();
      const added = await withStateLock(terminal, stateDir, LOCK_WAIT_MS, () => keepBenign(stateDir, lines));
      const { files } = await openBenign(stateDir);
      terminal.print(
        { added, files },
        terminal.mark("done", `${formatCount(added)} added  ${formatCount(files)} harmless files are known`),
      );
      leftOut.end(lines.length);
      return undefined;
    },
  });
  addCommand(benign, {
    usage: "count",
    summary: "Say how many harmless files are known.",
    examples: [["breakwater benign count --json", "as JSON"]],
    async run(context) {
      const { files } = await openBenign((await context.profile()).stateDir);
      context.terminal.print({ files }, `${formatCount(files)} harmless files are known`);
      return undefined;
    },
  });
}
