/** `recover`: after a stolen release key: a root without it, a recall of what the thief released, and our own state on top. */

import { parseAbout } from "@breakwater/shared/about.ts";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { formatOfFile } from "../../publish/list.ts";
import type { PublisherContext } from "../../publish/own-set.ts";
import { recallEntries } from "../../publish/recall.ts";
import {
  type Damage,
  findDamage,
  finishRecovery,
  type GoodState,
  keepForeign,
  type Recovered,
  releaseRecovery,
  stateOfCopy,
  stateOfList,
} from "../../publish/recover.ts";
import { addCommand, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { parseNumber } from "../parse-number.ts";
import { confirmByName } from "../prompt.ts";
import { asPublisher } from "../publisher-context.ts";
import { openInput, readInput } from "../read-input.ts";
import type { Terminal } from "../terminal.ts";
import { formatTime } from "../words.ts";
import { countText, printRecalled, releasesText } from "./recall.ts";
import { rotate } from "./root-rotate.ts";

type Options = { from?: string; about?: string; ownUntil?: string; key?: string[]; recall: boolean; yes?: string };

const ABOUT_MAX_BYTES = 64 * 1024;
const collect = (value: string, before: string[] = []) => [...before, value];

export function addRecover(program: Command): void {
  addCommand<Options>(program, {
    usage: "recover <set>",
    summary: "After a stolen release key: lock it out, recall what the thief released, put your own state back.",
    about:
      "Shows first which releases this profile did not make. Then it posts a root without the stolen key (your root keys sign), recalls the thief's releases, and releases your own verified copy, or --from a list, as the next number: nobody's numbers start anew, and the thief's releases stay as evidence. It asks before it does anything; a run that was stopped goes on where it stopped.",
    examples: [
      ["breakwater recover verified", "from this machine's verified copy"],
      ["breakwater recover verified --from list.csv", "from a list, when the copy took the thief's release"],
      ["breakwater recover verified --own-until 417", "releases up to 417 were made by you on another machine"],
    ],
    options: (command) =>
      command
        .option("--from <file>", "list.csv or list.ndjson: the whole set as it should be")
        .option("--about <file>", "the set's description (JSON), when the copy's is not to be trusted")
        .option("--own-until <n>", "releases up to this one are yours, although this profile did not note them")
        .option("--key <file>", "a root key that is not in the profile; may be repeated", collect)
        .option("--no-recall", "do not recall the thief's releases first")
        .option("--yes <set>", "do not ask"),
    async run(context, [text], options) {
      await asPublisher(context, text as string, (publisher) => recover(context, publisher, options));
      return undefined;
    },
  });
}

async function recover(context: Context, publisher: PublisherContext, options: Options): Promise<void> {
  const { terminal } = context;
  const set = formatSetId(publisher.setId);
  const finished = await finishRecovery(publisher);
  if (finished !== undefined) return printRecovered(terminal, set, finished);
  const ownUntil = options.ownUntil === undefined ? 0 : parseNumber(options.ownUntil);
  const damage = await findDamage(publisher, ownUntil);
  if (damage.foreign.length === 0) return printSound(terminal, set, damage);
  const state = await goodState(publisher, damage, options);
  try {
    await release(context, publisher, damage, state, options);
  } finally {
    await state.drop();
  }
}

async function release(
  context: Context,
  publisher: PublisherContext,
  damage: Damage,
  state: GoodState,
  options: Options,
): Promise<void> {
  const { terminal } = context;
  const set = formatSetId(publisher.setId);
  const ownUntil = options.ownUntil === undefined ? 0 : parseNumber(options.ownUntil);
  const evidence = await keepForeign(publisher, damage);
  terminal.note(...planLines(terminal, set, damage, state, { evidence, recall: options.recall }));
  const name = publisher.setId.set;
  await confirmByName(name, options.yes === set ? name : options.yes, "Type the set's name to go on:");

  if (damage.stolen.length > 0) await lockOut(context, publisher, damage, options);
  // The root may be new: keys and numbers are looked up again under it.
  const now = await findDamage(publisher, ownUntil);
  if (options.recall) await recallForeign(terminal, set, publisher, damage);
  printRecovered(terminal, set, await releaseRecovery(publisher, now, state));
}

/** The first step: from the new root's place in the log on, nothing that the thief signs counts. */
async function lockOut(context: Context, { setId }: PublisherContext, damage: Damage, options: Options): Promise<void> {
  const { kids, threshold } = damage.root.root.roles.release;
  const left = kids.length - damage.stolen.length;
  await rotate(context, {
    publisher: setId.publisher,
    yes: setId.publisher,
    removeRelease: damage.stolen,
    ...(left < threshold ? { addRelease: Array.from({ length: threshold - left }, () => "new") } : {}),
    ...(options.key === undefined ? {} : { key: options.key }),
  });
}

async function recallForeign(
  terminal: Terminal,
  set: string,
  publisher: PublisherContext,
  { foreign }: Damage,
): Promise<void> {
  try {
    printRecalled(terminal, set, await recallEntries(publisher, { releases: rangeOf(foreign) }));
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    // The release that follows ends the thief's state anyway; a recall only makes the hours until then safer.
    terminal.note(terminal.mark("caution", `the thief's releases could not be recalled (${error.code}); going on`));
  }
}

function rangeOf(foreign: Damage["foreign"]): [number, number] {
  return [foreign[0]?.release ?? 1, foreign.at(-1)?.release ?? 1];
}

async function goodState(publisher: PublisherContext, { good, root }: Damage, options: Options): Promise<GoodState> {
  const { exchange, setId } = publisher;
  if (options.from === undefined) {
    try {
      return stateOfCopy(publisher, good);
    } catch (error) {
      throw copyInWords(error, formatSetId(setId), root.root.version);
    }
  }
  const about = options.about === undefined ? good?.manifest.about : await readJson(options.about);
  if (about === undefined) throw new ExchangeError("about_invalid", { reason: "give_the_description_with_about" });
  const parsed = parseAbout(about);
  const { kind } = await exchange.getSet(setId);
  if (parsed.kind !== kind) throw new ExchangeError("set_kind", { have: kind });
  const list = { format: formatOfFile(options.from), chunks: await openInput(options.from) };
  return stateOfList(publisher, list, parsed, good);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await readInput(path, ABOUT_MAX_BYTES)));
  } catch (error) {
    if (error instanceof ExchangeError) throw error;
    throw new ExchangeError("about_invalid", { reason: "not_json" });
  }
}

function copyInWords(error: unknown, set: string, version: number): unknown {
  if (!(error instanceof ExchangeError) || error.code !== "copy_missing") return error;
  return new CommandFailure(error, {
    what: `Nothing recovered: this machine's copy of ${set} holds releases that were not made here, or misses one that was.`,
    kept: `root ${version} and the newest release stay as they are`,
    next: `give the set as it should be: breakwater recover ${set} --from LIST --about ABOUT; or say which releases are yours: --own-until N`,
  });
}

function planLines(
  terminal: Terminal,
  set: string,
  { foreign, stolen, root, head }: Damage,
  state: GoodState,
  { evidence, recall }: { evidence: string; recall: boolean },
): string[] {
  const steps = [
    ...(stolen.length === 0
      ? []
      : [
          `Root ${root.root.version + 1} no longer lists ${stolen.join(", ")}. What that key signs afterwards counts nowhere.`,
        ]),
    ...(recall ? [`A recall of ${releasesText(rangeOf(foreign))}: hits on what the thief put ask for review.`] : []),
    `Release ${head.statement.release + 1} continues release ${head.statement.release} and holds ${countText(state.entries.count)}, from ${state.from === "copy" ? "this machine's verified copy" : "the list"}. Everybody loads it whole.`,
  ];
  return [
    terminal.mark(
      "fault",
      `${set}: ${foreign.length === 1 ? "a release was" : "releases were"} not made by this profile`,
    ),
    ...foreign.map(
      ({ release, digest, iat }) => `    release ${release}  ${formatTime(new Date(iat * 1000))}  ${digest}`,
    ),
    `  ${terminal.label("kept")}  the signed statements, as evidence: ${evidence}`,
    "  What follows:",
    ...steps.map((step, at) => `  ${at + 1}. ${step}`),
  ];
}

function printSound(terminal: Terminal, set: string, { head }: Damage): void {
  terminal.print(
    { set, foreign: [], release: head.statement.release },
    terminal.mark("done", `${set}  release ${head.statement.release}  every release was made by this profile`),
    `  ${terminal.label("next")}  a key that may be stolen and was not used yet: breakwater keys revoke KID`,
  );
}

function printRecovered(terminal: Terminal, set: string, { release, digest, entries, resumed }: Recovered): void {
  if (resumed) terminal.note(terminal.mark("note", `release ${release} of an earlier run was finished`));
  terminal.print(
    { step: "recovered", set, release, digest, entries, resumed },
    terminal.mark("done", `${set}  release ${release}  ${countText(entries)}  recovered`),
    `  ${terminal.label("next")}  tell your subscribers which releases were not yours; watch: breakwater applied ${set}`,
  );
}
