/** `allow`: entries and contents of this member's own that hits do not count for here. */

import { formatSetId, parseSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { type Allowed, withAllowed, withoutAllowed } from "../../controls/change.ts";
import { allowedDigest } from "../../controls/controls.ts";
import { findControlsKey, obtainControlsKey, readControls, updateControls } from "../../controls/file.ts";
import { parseEntryTarget } from "../../controls/target.ts";
import { addCommand, addGroup, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { readInput } from "../read-input.ts";
import { formatTable } from "../table.ts";
import { formatCount, shortId } from "../words.ts";

type Options = { entry?: string[]; file?: string[]; digests?: string };

const DIGESTS_MAX_BYTES = 4 * 1024 * 1024;
const DIGEST_HEX: Record<string, number> = { md5: 32, sha1: 40, sha256: 64, sha512: 128, pdq: 64 };
const collect = (value: string, before: string[] = []) => [...before, value];

export function addAllow(program: Command): void {
  const allow = addGroup(program, "allow", "Entries and contents of your own that hits do not count for here.", [
    ["breakwater allow add --file logo.png", "a picture of yours that an entry hits by mistake"],
    ["breakwater allow add --entry 'hotline.example/verified#e7c1…'", "an entry that is wrong for you"],
  ]);
  addAdd(allow);
  addRemove(allow);
  addList(allow);
}

function withOptions(command: Command): Command {
  return command
    .option("--entry <set#id>", "an entry, as publisher/set#id; may be repeated", collect)
    .option("--file <path>", "a file, hashed here; may be repeated", collect)
    .option("--digests <file>", "digests of your content as alg:hex, one a line; - is standard input");
}

function addAdd(allow: Command): void {
  addCommand<Options>(allow, {
    usage: "add",
    summary: "Allow entries or contents: their hits are only noted.",
    about:
      "Digests are kept as keyed digests under a key of this machine, so that the file shows nobody which content or listed signal is meant. Tell the publisher too: breakwater opinion.",
    examples: [
      ["breakwater allow add --file logo.png", "one file"],
      ["breakwater allow add --digests digests.txt", "sha256:ecde…, one a line"],
    ],
    options: withOptions,
    async run(context, _args, options) {
      const { stateDir } = await context.profile();
      const named = await parseAllowed(options, await obtainControlsKey(stateDir));
      const after = await updateControls(stateDir, (before) => withAllowed(before, named, context.now()));
      tell(context, "allowed", named, after.allowed);
      return undefined;
    },
  });
}

function addRemove(allow: Command): void {
  addCommand<Options>(allow, {
    usage: "remove",
    summary: "Hits of these count again.",
    examples: [["breakwater allow remove --file logo.png", "one file"]],
    options: withOptions,
    async run(context, _args, options) {
      const { stateDir } = await context.profile();
      const named = await parseAllowed(options, await obtainControlsKey(stateDir));
      const after = await updateControls(stateDir, (before) => {
        const left = withoutAllowed(before, named);
        const count = ({ allowed }: typeof before) => allowed.entries.length + allowed.contents.length;
        if (count(left) === count(before)) throw notAllowed();
        return left;
      });
      tell(context, "removed", named, after.allowed);
      return undefined;
    },
  });
}

function addList(allow: Command): void {
  addCommand(allow, {
    usage: "list",
    summary: "List what is allowed; contents by the start of their keyed digest.",
    examples: [["breakwater allow list --json", "one JSON object a line"]],
    async run(context) {
      const { terminal } = context;
      const { stateDir } = await context.profile();
      const { entries, contents } = (await readControls(stateDir)).allowed;
      if (terminal.json) {
        for (const one of entries) terminal.print({ kind: "entry", ...one });
        for (const one of contents) terminal.print({ kind: "content", ...one });
        return undefined;
      }
      const whole = terminal.full || !terminal.stdoutIsTty;
      const rows = [
        ...entries.map(({ set, entry, at }) => ["entry", `${set}#${shortId(entry, whole)}`, at]),
        ...contents.map(({ digest, at }) => ["content", shortId(digest, terminal.full), at]),
      ].map(([kind = "", what = "", at = ""]) => [kind, what, `${at.slice(0, 16)}Z`]);
      const isKeyLost = contents.length > 0 && (await findControlsKey(stateDir)) === undefined;
      if (isKeyLost) terminal.note(terminal.mark("caution", "the key of the contents is gone: they allow nothing now"));
      if (rows.length === 0) terminal.print({}, "Nothing is allowed here: every hit counts.");
      else
        terminal.print(
          {},
          ...formatTable(
            ["kind", "what", "since"].map((title) => ({ title })),
            rows,
          ),
        );
      return undefined;
    },
  });
}

async function parseAllowed({ entry = [], file = [], digests }: Options, key: Uint8Array): Promise<Required<Allowed>> {
  if (entry.length + file.length === 0 && digests === undefined) {
    throw new ExchangeError("usage_invalid", { reason: "entry_file_or_digests_is_missing" });
  }
  const entries = entry.map(parseEntryTarget).flatMap((target) => {
    if (target.scope !== "entry") return [];
    return [{ set: formatSetId(parseSetId(target.set)), entry: target.entry }];
  });
  const contents = digests === undefined ? [] : await readDigests(digests);
  for (const path of file) contents.push(...(await digestsOfFile(path)));
  return { entries, contents: contents.map((digest) => allowedDigest(key, digest)) };
}

async function digestsOfFile(path: string): Promise<string[]> {
  // Loaded when needed: the decoder takes longer to start than most commands take in all.
  const { hashFile } = await import("../../media/index.ts");
  const { md5, sha1, sha256 } = await hashFile(path);
  return [`md5:${md5}`, `sha1:${sha1}`, `sha256:${sha256}`];
}

/** @throws ExchangeError `rows_invalid`, naming the line and never what stands there */
async function readDigests(path: string): Promise<string[]> {
  const text = new TextDecoder().decode(await readInput(path, DIGESTS_MAX_BYTES));
  const lines = text.split(/\r?\n/).map((line) => line.trim().toLowerCase());
  const bad = lines.findIndex((line) => line !== "" && !isDigest(line));
  if (bad !== -1) {
    const what = {
      what: `Nothing allowed: line ${bad + 1} is no digest as alg:hex (${Object.keys(DIGEST_HEX).join(", ")}).`,
      kept: "nothing was changed",
      next: "mend the line and run the same command again",
    };
    throw new CommandFailure(new ExchangeError("rows_invalid", { line: bad + 1 }), what);
  }
  return lines.filter((line) => line !== "");
}

function isDigest(line: string): boolean {
  const found = /^([a-z0-9]+):([0-9a-f]+)$/.exec(line);
  return found !== null && Object.hasOwn(DIGEST_HEX, found[1] ?? "") && found[2]?.length === DIGEST_HEX[found[1] ?? ""];
}

function tell(
  { terminal }: Context,
  word: "allowed" | "removed",
  { entries, contents }: Required<Allowed>,
  after: { entries: unknown[]; contents: unknown[] },
): void {
  const counts = { entries: entries.length, digests: contents.length };
  terminal.print(
    { [word]: counts, entries: after.entries.length, contents: after.contents.length },
    terminal.mark(
      "done",
      `${word}: ${formatCount(counts.entries)} entries, ${formatCount(counts.digests)} digests  (${formatCount(after.entries.length + after.contents.length)} in all)`,
    ),
  );
}

function notAllowed(): CommandFailure {
  const text = {
    what: "Nothing removed: none of these is allowed here.",
    kept: "nothing was changed",
    next: "breakwater allow list",
  };
  return new CommandFailure(new ExchangeError("conflict"), text, { exit: 1 });
}
