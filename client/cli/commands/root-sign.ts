/** `root propose|sign|post`: the next root through the hands of several people, each with a key of their own. */

import { readFile, writeFile } from "node:fs/promises";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { readPins } from "../../profile/pins.ts";
import { describeRoot } from "../../publish/next-root.ts";
import {
  envelopeOf,
  formatProposal,
  mergeProposals,
  type Proposal,
  parseProposal,
  signProposal,
  tallyOf,
} from "../../publish/proposal.ts";
import { openNewestRoot, postSigned, proposeRoot } from "../../publish/rotate.ts";
import { openHeldRoot } from "../../sync/roots.ts";
import { addCommand, type Context } from "../command.ts";
import { confirmByName } from "../prompt.ts";
import {
  type ChangeOptions,
  gatherRootKeys,
  makeChange,
  rootLines,
  tallyLine,
  withChangeOptions,
} from "../root-change.ts";
import { type Common, collectKeys, printRotated, rotationContext, rotationInWords } from "./root-rotate.ts";

export function addPropose(root: Command): void {
  addCommand<ChangeOptions & { publisher?: string; out: string }>(root, {
    usage: "propose",
    summary: "Write the next root into a file for the people who hold root keys to sign.",
    about: "Nothing in the file is secret, and nothing takes effect before it is posted.",
    examples: [["breakwater root propose --add-release new --remove-release KID --out root-2.json", "then: root sign"]],
    options: (command) =>
      withChangeOptions(command)
        .requiredOption("--out <file>", "the file to write; one that is there is not replaced")
        .option("--publisher <name>", "otherwise the profile's"),
    async run(context, _args, options) {
      const { terminal, profileDir } = context;
      const rotation = await rotationContext(context, options);
      const previous = await openNewestRoot(rotation);
      const change = await makeChange(options, { profileDir, exchange: await context.exchange(), previous });
      const proposal = await proposeRoot(rotation, change);
      const diff = describeRoot(proposal.previous, proposal.root);
      await writeFile(options.out, formatProposal(proposal), { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
        throw error.code === "EEXIST"
          ? new ExchangeError("conflict", { reason: "file_exists" }, { cause: error })
          : error;
      });
      terminal.print(
        { ...diff, file: options.out, tally: tallyOf(proposal) },
        ...rootLines(terminal, diff),
        terminal.mark("done", `proposal  ${options.out}  ${tallyLine(tallyOf(proposal))}`),
        `  ${terminal.label("next")}  each holder of a root key: breakwater root sign ${options.out}`,
      );
      return undefined;
    },
  });
}

export function addSign(root: Command): void {
  addCommand<Common>(root, {
    usage: "sign <file>",
    summary: "Sign a proposed root with the root keys that are here; needs no network.",
    about:
      "Shows what changes, told from the documents themselves. The root before is compared with the one that this profile pins or holds; one that is not known here is shown for you to compare.",
    examples: [
      ["breakwater root sign root-2.json", "with the keys in the profile"],
      ["breakwater root sign root-2.json --key /media/stick/root-1.jwk", "with a key that is kept elsewhere"],
    ],
    options: (command) =>
      command
        .option("--key <file>", "a root key that is not in the profile; may be repeated", collectKeys)
        .option("--yes <publisher>", "do not ask"),
    async run(context, [file], options) {
      const { terminal, profileDir } = context;
      const proposal = await readProposal(file as string);
      const { publisher } = proposal.root;
      const known = await isPreviousKnown(context, proposal);
      terminal.note(...rootLines(terminal, describeRoot(proposal.previous, proposal.root)));
      if (!known) {
        terminal.note(
          terminal.mark("caution", "the root before is not known here: compare its digest with one that you trust"),
        );
      }
      await confirmByName(publisher, options.yes, "Type the publisher's name to sign it:");
      const signed = await signProposal(proposal, await gatherRootKeys(profileDir, options.key));
      await writeFile(file as string, formatProposal(signed));
      const tally = tallyOf(signed);
      terminal.print(
        { publisher, version: proposal.root.version, file, known, tally },
        terminal.mark("done", `${tallyLine(tally)}`),
        `  ${terminal.label("next")}  ${tally.complete ? `breakwater root post ${file}` : "give the file to the next holder of a root key"}`,
      );
      return undefined;
    },
  });
}

export function addPost(root: Command): void {
  addCommand<Common>(root, {
    usage: "post <files...>",
    summary: "Post a root that enough people have signed, and pin it here.",
    about: "Several files are copies of one proposal that different people signed.",
    examples: [["breakwater root post root-2.json root-2-signed-by-her.json", "signatures of both"]],
    options: (command) => command.option("--yes <publisher>", "do not ask"),
    async run(context, files, options) {
      const { terminal } = context;
      const proposals = await Promise.all(files.map(readProposal));
      const proposal = mergeProposals(proposals as [Proposal, ...Proposal[]]);
      const { publisher } = proposal.root;
      const rotation = await rotationContext(context, { publisher });
      const newest = await openNewestRoot(rotation);
      if (newest.root.version === proposal.root.version && newest.digest === (await envelopeOf(proposal)).digest) {
        return printRotated(terminal, publisher, await postSigned(rotation, newest));
      }
      if (newest.digest !== proposal.previous.digest) {
        throw new ExchangeError("root_chain", { reason: "the_newest_root_is_another", have: newest.root.version });
      }
      const signed = await envelopeOf(proposal).catch((error: unknown) => {
        throw rotationInWords(error, proposal);
      });
      terminal.note(...rootLines(terminal, describeRoot(proposal.previous, proposal.root)));
      await confirmByName(publisher, options.yes, "Type the publisher's name to post it:");
      return printRotated(terminal, publisher, await postSigned(rotation, signed));
    },
  });
}

async function readProposal(path: string): Promise<Proposal> {
  const bytes = await readFile(path).catch(() => {
    throw new ExchangeError("file_unreadable", { reason: "not_there" });
  });
  return parseProposal(bytes);
}

/**
 * Is the root that the proposal continues the one that this machine knows?
 *
 * @returns false when nothing of that version is known here
 * @throws ExchangeError `root_pin` when another one is
 */
async function isPreviousKnown(context: Context, { previous, root }: Proposal): Promise<boolean> {
  const pin = (await readPins(context.profileDir))[root.publisher];
  if (pin === undefined) return false;
  const same = (version: number, digest: string) => {
    if (version !== previous.root.version) return false;
    if (digest !== previous.digest) throw new ExchangeError("root_pin", { reason: "another_root_before" });
    return true;
  };
  if (same(pin.version, pin.digest)) return true;
  const profile = await context.profile().catch(() => undefined);
  const held = profile && (await openHeldRoot(profile.stateDir, root.publisher, pin).catch(() => undefined));
  return held !== undefined && same(held.root.version, held.digest);
}
