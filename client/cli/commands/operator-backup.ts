/** `operator backup|restore`: done beside the exchange's database, by its own code, which a subscriber's machine does not have. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { addCommand, type Context } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CommandFailure } from "../failure.ts";

const OPERATE = join(import.meta.dirname, "..", "..", "..", "local", "operate.ts");

export function addBackupCommands(operator: Command): void {
  addCommand(operator, {
    usage: "backup <directory>",
    summary: "Back up the exchange's database, on its own machine, while it runs.",
    about:
      "Writes a folder named by the time. It is not encrypted, readable by you alone, and must be destroyed within 30 days; older ones in the same directory are destroyed now. Blobs, tiles and the signers' keys are not in it: the object store outlives the database. Takes DATABASE_URL, otherwise the exchange of `npm start` (BREAKWATER_HOME).",
    examples: [["breakwater operator backup /var/backups/breakwater", "a new folder in it"]],
    run: (context, [directory]) => operate(context, ["backup", directory as string]),
  });
  addCommand<{ replace?: boolean; takenAt?: string }>(operator, {
    usage: "restore [directory]",
    summary: "Put a backup back; the exchange serves nothing until it has caught up.",
    about:
      "Stop the exchange first. Gives the newest backup of the directory, or the one that it is. What was published, recalled, revoked and erased since comes from the log and the object store when the exchange starts again.",
    examples: [
      ["breakwater operator restore /var/backups/breakwater", "into an empty database"],
      ["breakwater operator restore /var/backups/breakwater --replace", "what the database holds is destroyed"],
      [
        "breakwater operator restore --taken-at 2026-11-22T09:00:00Z",
        "after your provider's own recovery to that time",
      ],
    ],
    options: (command) =>
      command
        .option("--replace", "destroy what the database holds now")
        .option("--taken-at <time>", "rows were put back by other means, to this time: only catch up"),
    run: (context, [directory], { replace, takenAt }) =>
      operate(context, [
        "restore",
        ...(directory === undefined ? [] : [directory]),
        ...(replace ? ["--replace"] : []),
        ...(takenAt === undefined ? [] : ["--taken-at", takenAt]),
      ]),
  });
}

async function operate({ terminal, env }: Context, args: string[]): Promise<ExitCode> {
  if (!existsSync(OPERATE)) {
    throw new CommandFailure(new ExchangeError("config_invalid", { reason: "exchange_code" }), {
      what: "This installation has the command alone, not the exchange.",
      kept: "nothing was changed",
      next: "run it in the exchange's own folder, on a machine that reaches its database",
    });
  }
  const all = [OPERATE, ...args, ...(terminal.json ? ["--json"] : [])];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...all], { env, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(EXITS.find((exit) => exit === code) ?? EXIT.notDone));
  });
}

const EXITS: readonly ExitCode[] = Object.values(EXIT);
