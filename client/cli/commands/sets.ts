/** `sets`, `set create`, `status`, `mode`, `release-hold`: what there is, how it stands, and what a person decides. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { SetRequest } from "@breakwater/shared/wire/sets.ts";
import type { Command } from "commander";
import { MODES, type Mode, writeMode } from "../../profile/modes.ts";
import { readStatus, writeStatus } from "../../sync/index.ts";
import { addCommand, addGroup } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { confirmByName } from "../prompt.ts";
import { LOCK_WAIT_MS, parseSetArgument, withStateLock } from "../sets.ts";
import { formatTable } from "../table.ts";
import { formatCount } from "../words.ts";

export function addSets(program: Command): void {
  addCommand(program, {
    usage: "sets",
    summary: "List the sets that you may read at the exchange.",
    examples: [["breakwater sets --json", "one JSON object a line"]],
    async run(context) {
      const { terminal } = context;
      const rows = await (await context.exchange()).listSets();
      if (terminal.json) for (const row of rows) terminal.print(row);
      else {
        const columns = [
          { title: "set" },
          { title: "kind" },
          { title: "entries", align: "end" as const },
          { title: "release", align: "end" as const },
          { title: "stream" },
          { title: "key" },
          { title: "title" },
        ];
        const table = rows.map((row) => [
          formatSetId(row),
          row.kind,
          formatCount(row.entries),
          String(row.release),
          row.stream,
          row.custody === "member" ? "publisher" : "exchange",
          row.title ?? "-",
        ]);
        terminal.print({}, ...formatTable(columns, table));
      }
      return undefined;
    },
  });
  addSetCreate(program);
  addMode(program);
  addReleaseHold(program);
}

type CreateOptions = { kind: string; stream: string; tier: string; member?: string[] };

function addSetCreate(program: Command): void {
  const set = addGroup(program, "set", "Sets of your own.", [
    ["breakwater set create verified --kind hash --stream photographic --tier vetted", "a hash set"],
  ]);
  addCommand<CreateOptions>(set, {
    usage: "create <set>",
    summary: "Create a set, before its first release.",
    examples: [
      ["breakwater set create verified --kind hash --stream photographic --tier vetted", "for vetted members"],
      ["breakwater set create adverts --kind url --stream test --tier named --member company", "for one member"],
    ],
    options: (command) =>
      command
        .requiredOption("--kind <kind>", "hash, term, url or indicator")
        .requiredOption("--stream <stream>", "photographic, ai_generated, non_photographic, harmful_but_legal, test")
        .requiredOption("--tier <tier>", "who may read it: test, agreed, vetted or named")
        .option("--member <names>", "for the tier named: who", (value: string, before: string[] = []) => [
          ...before,
          ...value.split(","),
        ]),
    async run(context, [name], options) {
      const { terminal } = context;
      const setId = parseSetArgument(name as string, await context.profile());
      const audience =
        options.member === undefined ? { tier: options.tier } : { tier: options.tier, members: options.member };
      const request = SetRequest.safeParse({ kind: options.kind, stream: options.stream, audience });
      if (!request.success) {
        throw new ExchangeError("usage_invalid", {
          reason: `not_valid_${request.error.issues[0]?.path.join("_") || "options"}`,
        });
      }
      const made = await (await context.exchange()).putSet(setId, request.data);
      terminal.print(made, terminal.mark("done", `${formatSetId(setId)}  ${made.kind}  for ${made.audience_tier}`));
      return undefined;
    },
  });
}

function addMode(program: Command): void {
  addCommand<{ yes?: string }>(program, {
    usage: "mode <set> <mode>",
    summary: "Choose what a hit leads to: observe, review or block. Sets start in observe.",
    about: "Blocking is switched on by a person, who types the set's name.",
    examples: [
      ["breakwater mode hotline.example/verified review", "hits go to a reviewer"],
      ["breakwater mode hotline.example/verified block", "asks for the set's name"],
    ],
    options: (command) => command.option("--yes <set>", "the set's name, instead of typing it"),
    async run(context, [name, word], options) {
      const { terminal } = context;
      const set = formatSetId(parseSetArgument(name as string, await context.profile()));
      const mode = MODES.find((known) => known === word) as Mode | undefined;
      if (mode === undefined) throw new ExchangeError("usage_invalid", { reason: "mode" });
      if (mode === "block") {
        terminal.note("  Hits of verified entries will be blocked without anybody looking first.");
        await confirmByName(set, options.yes, "Type the set's name to go on:");
      }
      await writeMode(context.profileDir, set, mode);
      terminal.print({ set, mode }, terminal.mark("done", `${set}  ${mode}`));
      return undefined;
    },
  });
}

function addReleaseHold(program: Command): void {
  addCommand<{ yes?: string }>(program, {
    usage: "release-hold <set>",
    summary: "Let the release that is held through: exactly that one, at the next sync.",
    examples: [["breakwater release-hold ngo.example/terms-en", "asks for the set's name"]],
    options: (command) => command.option("--yes <set>", "the set's name, instead of typing it"),
    async run(context, [name], options) {
      const { terminal } = context;
      const profile = await context.profile();
      const setId = parseSetArgument(name as string, profile);
      const set = formatSetId(setId);
      const status = await readStatus(profile.stateDir, setId);
      if (status?.state !== "held" || status.held_statement === undefined) {
        const text = {
          what: `Nothing released: ${set} holds no release that a person could let through.`,
          kept: "nothing was changed",
          next: `breakwater status ${set}`,
        };
        throw new CommandFailure(new ExchangeError("conflict"), text, { exit: 1 });
      }
      terminal.note(`  Release ${status.held_release} was held: ${status.code}.`);
      await confirmByName(set, options.yes, "Type the set's name to go on:");
      await withStateLock(terminal, profile.stateDir, LOCK_WAIT_MS, () =>
        writeStatus(profile.stateDir, setId, { ...status, released_statement: status.held_statement }),
      );
      terminal.print(
        { set, release: status.held_release },
        terminal.mark("done", `${set}  release ${status.held_release} may pass`),
        "  next  breakwater sync",
      );
      return undefined;
    },
  });
}
