/** `root rotate`: the next root in one step, when every key that must sign is here. */

import { parsePublisher } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { describeRoot } from "../../publish/next-root.ts";
import type { Proposal } from "../../publish/proposal.ts";
import {
  finishRotation,
  openNewestRoot,
  postSigned,
  proposeRoot,
  type Rotated,
  type RotationContext,
  signWhole,
} from "../../publish/rotate.ts";
import { addCommand, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { confirmByName } from "../prompt.ts";
import { type ChangeOptions, gatherRootKeys, makeChange, rootLines, withChangeOptions } from "../root-change.ts";
import type { Terminal } from "../terminal.ts";

export const collectKeys = (value: string, before: string[] = []) => [...before, value];
export type Common = { publisher?: string; key?: string[]; yes?: string };

/** What every step on a root needs: whose it is, the exchange, the pin's folder. */
export async function rotationContext(context: Context, options: { publisher?: string }): Promise<RotationContext> {
  const profile = await context.profile();
  return {
    exchange: await context.exchange(),
    profileDir: context.profileDir,
    stateDir: profile.stateDir,
    publisher: parsePublisher(options.publisher ?? profile.publisher),
    now: context.now(),
  };
}

export function addRotate(root: Command): void {
  addCommand<ChangeOptions & Common>(root, {
    usage: "rotate",
    summary: "Propose, sign and post the next root in one step, when all keys that must sign are here.",
    about:
      "Without a change it renews the root's time. The root before and the new one each need their own threshold of signatures. Subscribers follow by themselves: what they pinned leads to it.",
    examples: [
      ["breakwater root rotate", "the same keys for another 13 months"],
      ["breakwater root rotate --add-release new --remove-release KID", "replace a release key"],
      ["breakwater root rotate --add-root new --remove-root KID", "replace a root key"],
      [
        "breakwater root rotate --add-root hers.json --add-root his.json --root-threshold 2",
        "from one key to two of three",
      ],
      ["breakwater root rotate --custody member", "take the release key from the exchange to this machine"],
    ],
    options: (command) =>
      withChangeOptions(command)
        .option("--publisher <name>", "otherwise the profile's")
        .option("--key <file>", "a root key that is not in the profile; may be repeated", collectKeys)
        .option("--yes <publisher>", "do not ask"),
    run: (context, _args, options) => rotate(context, options),
  });
}

/** Also behind `keys revoke` and `recover`. */
export async function rotate(context: Context, options: ChangeOptions & Common): Promise<undefined> {
  const { terminal, profileDir } = context;
  const rotation = await rotationContext(context, options);
  const finished = await finishRotation(rotation);
  if (finished !== undefined) return printRotated(terminal, rotation.publisher, finished);
  const exchange = await context.exchange();
  const keys = await gatherRootKeys(profileDir, options.key);
  const previous = await openNewestRoot(rotation);
  const change = await makeChange(options, { profileDir, exchange, previous });
  const proposal = await proposeRoot(rotation, change);
  // A root key that is made by this very change signs as well.
  const signers = options.addRoot?.includes("new") ? await gatherRootKeys(profileDir, options.key) : keys;
  const signed = await signWhole(proposal, signers).catch((error: unknown) => {
    throw rotationInWords(error, proposal);
  });
  terminal.note(...rootLines(terminal, describeRoot(proposal.previous, proposal.root)));
  await confirmByName(rotation.publisher, options.yes, "Type the publisher's name to sign and post it:");
  return printRotated(terminal, rotation.publisher, await postSigned(rotation, signed));
}

export function printRotated(terminal: Terminal, publisher: string, rotated: Rotated): undefined {
  const { version, digest, rootKids, releaseKids, logIndex, resumed } = rotated;
  if (resumed) terminal.note(terminal.mark("note", "this is what an earlier run had signed; for more, run it again"));
  terminal.print(
    { publisher, version, digest, root_kids: rootKids, release_kids: releaseKids, log_index: logIndex, resumed },
    terminal.mark(
      "done",
      `root ${version}  ${publisher}  posted, logged at ${logIndex.toLocaleString("en-US")}, pinned`,
    ),
    `  ${terminal.label("digest")}  ${digest}`,
    `  ${terminal.label("next")}    release again, so that those who are behind can follow: breakwater publish --set SET --heartbeat`,
  );
  return undefined;
}

export function rotationInWords(error: unknown, proposal: Proposal): unknown {
  if (!(error instanceof ExchangeError) || (error.code !== "signature_threshold" && error.code !== "key_invalid")) {
    return error;
  }
  const { version } = proposal.root;
  return new CommandFailure(error, {
    what: `Root ${version} not posted: not all root keys that must sign are here.`,
    kept: `root ${version - 1} stays the newest`,
    next: "breakwater root propose with the same options and --out FILE; the holders of the other keys: breakwater root sign FILE",
  });
}
