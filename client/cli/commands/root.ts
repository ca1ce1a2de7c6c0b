/** `root create`, and the gathering place of `root …`: the document that names a publisher's keys. */

import { parsePublisher } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { createRoot } from "../../publish/root.ts";
import { addCommand, addGroup } from "../command.ts";
import { parseNumber } from "../parse-number.ts";
import { addRotate } from "./root-rotate.ts";
import { addPost, addPropose, addSign } from "./root-sign.ts";

type RootOptions = {
  custody: "member" | "exchange";
  publisher?: string;
  keys: string;
  threshold: string;
  log?: string;
};

export function addRoot(program: Command): void {
  const root = addGroup(program, "root", "The document that names a publisher's keys.", [
    ["breakwater root create --custody member", "root and release keys on this machine"],
    ["breakwater root rotate --add-release new --remove-release KID", "another release key"],
    ["breakwater help keys", "how keys are lost, replaced and revoked"],
  ]);
  addRotate(root);
  addPropose(root);
  addSign(root);
  addPost(root);
  addCommand<RootOptions>(root, {
    usage: "create",
    summary: "Make root keys, sign the first root, post it and pin it.",
    about:
      "Root keys stay in the profile's keys folder and never reach an exchange. Give the digest that is printed to your subscribers with the agreement: it is what they pin.",
    examples: [
      ["breakwater root create --custody member", "you sign releases"],
      ["breakwater root create --custody exchange", "the exchange signs them for you"],
      ["breakwater root create --custody member --keys 3 --threshold 2", "two of three people"],
    ],
    options: (command) =>
      command
        .requiredOption("--custody <who>", "who holds the release key: member or exchange")
        .option("--publisher <name>", "otherwise the profile's")
        .option("--keys <n>", "how many root keys to make", "1")
        .option("--threshold <n>", "how many of them must sign", "1")
        .option("--log <origin>", "the home log, otherwise the exchange's"),
    async run(context, _args, options) {
      const { terminal } = context;
      const profile = await context.profile();
      const publisher = parsePublisher(options.publisher ?? profile.publisher);
      if (options.custody !== "member" && options.custody !== "exchange")
        throw new ExchangeError("usage_invalid", { reason: "custody" });
      const made = await createRoot({
        exchange: await context.exchange(),
        profileDir: context.profileDir,
        publisher,
        custody: options.custody,
        rootKeys: parseNumber(options.keys),
        threshold: parseNumber(options.threshold),
        ...(options.log === undefined ? {} : { log: options.log }),
        now: context.now(),
      });
      terminal.print(
        {
          publisher,
          version: made.version,
          digest: made.digest,
          custody: options.custody,
          root_kids: made.rootKids,
          release_kids: made.releaseKids,
        },
        terminal.mark("done", `root ${made.version}  ${publisher}  posted and pinned`),
        `  ${terminal.label("digest")}  ${made.digest}`,
        `  ${terminal.label("next")}    give the digest to your subscribers with the agreement; keep keys/ safe and offline`,
      );
      return undefined;
    },
  });
}
