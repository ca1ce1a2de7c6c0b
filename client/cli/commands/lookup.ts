/** `lookup`: exact hashes of files, or given ones, against the exchange's lists, without a copy of them. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { CountryCode } from "@breakwater/shared/vocab/country.ts";
import { VERIFICATION_LEVELS } from "@breakwater/shared/vocab/entries.ts";
import { labelOf } from "@breakwater/shared/vocab/vocabulary.ts";
import type { Command } from "commander";
import {
  type ExactHash,
  LOOKUP_LIMITS,
  type LookedUp,
  type LookupHit,
  type LookupOptions,
  lookupHashes,
  parseExactHash,
} from "../../lookup/index.ts";
import type { HashedFile } from "../../media/index.ts";
import { addCommand } from "../command.ts";
import { hashReadable } from "../each-file.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CommandFailure } from "../failure.ts";
import { createLeftOut } from "../left-out.ts";
import { parseWhole } from "../parse-number.ts";
import { startProgress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { formatCount } from "../words.ts";

type Options = { hash?: string[]; bits?: string; decoys?: string; country?: string; hitExit?: string };
type Subject = { label: string; hashes: ExactHash[] };

const EXIT_CODE_MAX = 255;
const BITS_MAX = 16;
const DECOYS_MAX = 1_024;

export function addLookup(program: Command): void {
  addCommand<Options>(program, {
    usage: "lookup [paths...]",
    summary: "Look exact hashes up at the exchange, without a copy of its sets. Re-encoded copies are missed.",
    about: `Files are hashed here, in memory. Asked for are padded buckets, with --decoys others among them; compared is here. ${LOOKUP_LIMITS} Perceptual hashes (PDQ) cannot be looked up: near hashes lie in other buckets.`,
    examples: [
      ["breakwater lookup upload-17.png", "one file"],
      ["breakwater lookup --hash sha256:0f3c…", "a hash"],
      ["breakwater lookup --bits 8 --json uploads/", "larger buckets, which say less of you"],
    ],
    options: (command) =>
      command
        .option("--hash <alg:value>", "md5, sha1, sha256 or sha512 and its hex digits; may be given again", collect)
        .option("--bits <n>", "ask coarser buckets: each bit less doubles the answer, and what it costs of the day")
        .option("--decoys <n>", "how many buckets to ask besides the true ones")
        .option("--country <code>", "say what to do by this country's rules, such as DE")
        .option("--hit-exit <code>", "end with this code when there is a hit", "0"),
    async run({ terminal, exchange }, paths, options) {
      const hitExit = wholeOf(options.hitExit, EXIT_CODE_MAX, "hit_exit") ?? 0;
      const asking = askingOf(options);
      const progress = startProgress(terminal);
      const leftOut = createLeftOut(terminal, progress, "looked up");
      const subjects = givenHashes(options.hash ?? []);
      for await (const { path, file } of hashReadable(paths, leftOut)) {
        subjects.push({ label: path, hashes: exactHashesOf(file) });
        progress.update("hashing", subjects.length, undefined, "files");
      }
      progress.end();
      if (subjects.length === 0) leftOut.end(0);
      if (subjects.length === 0) throw new ExchangeError("usage_invalid", { reason: "nothing_to_look_up" });
      const looked = await lookup(await exchange(), subjects, asking);
      const hits = printAll(terminal, subjects, looked);
      leftOut.end(subjects.length);
      return hits > 0 ? (hitExit as ExitCode) : EXIT.ok;
    },
  });
}

const collect = (value: string, before: string[] = []) => [...before, value];

function wholeOf(text: string | undefined, max: number, name: string): number | undefined {
  return text === undefined ? undefined : parseWhole(text, { name, min: 0, max });
}

function askingOf({ bits, decoys, country }: Options): LookupOptions {
  const whole = { bits: wholeOf(bits, BITS_MAX, "bits"), decoys: wholeOf(decoys, DECOYS_MAX, "decoys") };
  const parsed = country === undefined ? undefined : CountryCode.safeParse(country.toUpperCase());
  if (parsed !== undefined && !parsed.success) throw new ExchangeError("usage_invalid", { reason: "country" });
  return {
    ...(whole.bits === undefined ? {} : { bits: whole.bits }),
    ...(whole.decoys === undefined ? {} : { decoys: whole.decoys }),
    ...(parsed === undefined ? {} : { country: parsed.data }),
  };
}

function givenHashes(texts: readonly string[]): Subject[] {
  return texts.map((text, at) => {
    const colon = text.indexOf(":");
    const [alg, value] = [text.slice(0, Math.max(0, colon)).toLowerCase(), text.slice(colon + 1)];
    return { label: `hash ${at + 1} (${alg})`, hashes: [exactHash(alg, value)] };
  });
}

function exactHash(alg: string, value: string): ExactHash {
  try {
    return parseExactHash({ alg, value });
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== "lookup_alg") throw error;
    throw new CommandFailure(error, {
      what: `Not looked up: ${alg} is compared by nearness, and near hashes lie in other buckets; asking would mean sending the whole hash.`,
      kept: "nothing was sent",
      next: "breakwater sync, then breakwater match",
    });
  }
}

function exactHashesOf({ md5, sha1, sha256 }: Pick<HashedFile, "md5" | "sha1" | "sha256">): ExactHash[] {
  return Object.entries({ md5, sha1, sha256 }).map(([alg, value]) => parseExactHash({ alg, value }));
}

const REFUSED: Record<string, (detail: Record<string, unknown>) => { what: string; next: string }> = {
  lookup_budget: () => ({
    what: "Not looked up: the day's buckets are used up; they begin anew at midnight UTC.",
    next: "breakwater sync: your own copy answers without limit, and tells nobody",
  }),
  lookup_probing: () => ({
    what: "Not looked up: these look-ups go through the list; they are slowed down and shown to the operator.",
    next: "wait a minute; who needs the list whole: breakwater sync",
  }),
  lookup_tier: ({ needs }) => ({
    what: `Not looked up: the list is for members of the tier ${String(needs)}.`,
    next: "ask the exchange's operator what that tier needs",
  }),
  not_found: () => ({
    what: "Not looked up: the exchange has no list of exact hashes for your tier.",
    next: "breakwater sets shows what you may read",
  }),
};

async function lookup(
  exchange: Parameters<typeof lookupHashes>[0],
  subjects: readonly Subject[],
  options: LookupOptions,
): Promise<LookedUp> {
  const hashes = subjects.flatMap((subject) => subject.hashes);
  try {
    return await lookupHashes(exchange, hashes, options);
  } catch (error) {
    const words = error instanceof ExchangeError ? REFUSED[error.code]?.(error.detail) : undefined;
    if (!(error instanceof ExchangeError) || words === undefined) throw error;
    throw new CommandFailure(error, { ...words, kept: "nothing was changed" });
  }
}

function printAll(terminal: Terminal, subjects: readonly Subject[], { answers, asked }: LookedUp): number {
  let at = 0;
  let total = 0;
  for (const { label, hashes } of subjects) {
    const hits = answers.slice(at, at + hashes.length).flatMap((answer) => answer.hits);
    at += hashes.length;
    total += hits.length;
    printOne(terminal, label, hits);
  }
  const buckets = asked.reduce((sum, one) => sum + one.buckets, 0);
  const decoys = asked.reduce((sum, one) => sum + one.decoys, 0);
  const left = Math.min(...asked.map((one) => one.left));
  terminal.note(
    `  asked  ${formatCount(buckets)} ${buckets === 1 ? "bucket" : "buckets"}, ${decoys} of them at random; ${formatCount(left)} left today`,
  );
  terminal.note(`  note   ${LOOKUP_LIMITS}`);
  return total;
}

function printOne(terminal: Terminal, label: string, hits: readonly LookupHit[]): void {
  if (terminal.json || hits.length === 0) {
    terminal.print({ subject: label, hits }, terminal.mark("done", `no exact match  ${label}`));
    return;
  }
  for (const hit of hits) {
    const { sets, alg, verification, recalled, next, hit_ref } = hit;
    const checked = verification === undefined ? "unknown" : labelOf(VERIFICATION_LEVELS, verification);
    terminal.print(
      {},
      terminal.mark("caution", `match  ${sets.join(", ")}`),
      `  ${terminal.label("subject")}  ${label}`,
      `  ${terminal.label("how    ")}  ${alg.toUpperCase()}, the same file`,
      `  ${terminal.label("checked")}  ${checked}${recalled ? " · taken back for now" : ""}`,
      `  ${terminal.label("next   ")}  ${next}`,
      `  ${terminal.label("hit    ")}  ${hit_ref}`,
    );
  }
}
