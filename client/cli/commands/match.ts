/** `match`: compares files, texts or addresses with the verified copies and says what a hit asks for. It never blocks anything itself. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { CountryCode } from "@breakwater/shared/vocab/country.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { TermContext } from "@breakwater/shared/vocab/terms.ts";
import { MATCH_URL_MAX_CHARS, type UnusableCode } from "@breakwater/shared/wire/match.ts";
import type { Command } from "commander";
import { openActing } from "../../controls/acting.ts";
import {
  type Answered,
  type Asking,
  answerMatched,
  ask,
  hashesOf,
  type Matcher,
  notHashed,
  openMatcher,
} from "../../match/index.ts";
import { addCommand } from "../command.ts";
import { hashEach } from "../each-file.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CommandFailure } from "../failure.ts";
import { createLeftOut } from "../left-out.ts";
import { printMatched } from "../match-lines.ts";
import { startProgress } from "../progress.ts";
import { readLines, readText } from "../read-text.ts";
import type { Terminal } from "../terminal.ts";

type Options = { hitExit?: string; text?: boolean; url?: boolean; country?: string; context?: string };
type Asked = { label: string; answered: Answered };
type Tools = { asking: Asking & { matcher: Matcher }; country?: string; context?: TermContext; now: () => Date };
const EXIT_CODE_MAX = 255;
/** Enough of an address that is too long to find it again in the list. */
const LABEL_MAX_CHARS = 80;

export function addMatch(program: Command): void {
  addCommand<Options>(program, {
    usage: "match <paths...>",
    summary: "Compare files, texts or addresses with your verified copies: exact hashes, PDQ, videos, terms, URLs.",
    about:
      "Everything is read here, in memory; nothing is sent. Ends with 0 with or without hits, unless --hit-exit says otherwise. An address in the words of a command can be seen by others on this machine: with --url -, one a line comes from standard input.",
    examples: [
      ["breakwater match upload-17.png", "one file"],
      ["breakwater match --json uploads/", "a folder, one JSON object a file"],
      ["breakwater match --text --context chat messages.txt", "a text against term sets"],
      ["breakwater match --url -", "addresses from standard input, one a line"],
      ["breakwater match --hit-exit 10 upload-17.png", "for scripts"],
    ],
    options: (command) =>
      command
        .option("--text", "the paths are texts (UTF-8) to look for terms in; - is standard input")
        .option("--url", "the words are addresses, not paths; - reads them from standard input")
        .option("--country <code>", "say what to do by this country's rules, such as DE")
        .option("--context <code>", "where the text was written: search, chat, username, group, advert")
        .option("--hit-exit <code>", "end with this code when there is a hit", "0"),
    async run({ terminal, profileDir, profile, now }, paths, options) {
      const hitExit = parseExit(options.hitExit ?? "0");
      if (options.text && options.url) throw new ExchangeError("usage_invalid", { reason: "text_or_url" });
      const kind = options.text ? "term" : options.url ? "url" : "hash";
      const country = parseWord(CountryCode, options.country, "country");
      const context = parseWord(TermContext, options.context, "context");
      const { stateDir } = await profile();
      const matcher = await openMatcher(stateDir, now());
      try {
        tellUnusable(terminal, matcher, kind, now());
        const acting = await openActing({ stateDir, profileDir });
        try {
          const tools: Tools = {
            asking: { matcher, acting },
            now,
            ...(country === undefined ? {} : { country }),
            ...(context === undefined ? {} : { context }),
          };
          const hits = await printAll(terminal, READERS[kind](tools, paths));
          return hits > 0 ? hitExit : EXIT.ok;
        } finally {
          await acting.close();
        }
      } finally {
        matcher.close();
      }
    },
  });
}

const READERS = { hash: askFiles, term: askTexts, url: askAddresses };

async function printAll(terminal: Terminal, items: AsyncIterable<Asked>): Promise<number> {
  const progress = startProgress(terminal);
  let [seen, compared, hits] = [0, 0, 0];
  const leftOut = createLeftOut(terminal, progress, "compared");
  for await (const { label, answered } of items) {
    progress.update("matching", ++seen, undefined, "items");
    if ("problem" in answered) {
      leftOut.tell(label, answered.problem);
      continue;
    }
    compared += 1;
    if (answered.hits.length > 0) progress.end();
    hits += answered.hits.length;
    printMatched(terminal, label, answered);
  }
  progress.end();
  leftOut.end(compared);
  return hits;
}

async function* askFiles({ asking, country, now }: Tools, paths: readonly string[]): AsyncGenerator<Asked> {
  for await (const { path, ...hashed } of hashEach(paths)) {
    if ("problem" in hashed) {
      yield { label: path, answered: hashed };
      continue;
    }
    const { file } = hashed;
    const [answered] = await ask(asking, [{ query: { hashes: hashesOf(file) }, ref: path, country }], now());
    if (answered !== undefined && "hits" in answered) answered.notCompared.push(...notHashed(file));
    yield { label: path, answered: answered as Answered };
  }
}

async function* askTexts({ asking, country, context, now }: Tools, paths: readonly string[]): AsyncGenerator<Asked> {
  for (const path of paths) {
    const query = { context, country };
    const reader = asking.matcher.readText(query, now());
    try {
      for await (const chunk of readText(path)) reader.push(chunk);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      yield { label: path, answered: { problem: error } };
      continue;
    }
    const question = { query, ref: path === "-" ? undefined : path, country };
    const [answered] = await answerMatched(asking.acting, [question], [reader.end()], now());
    yield { label: path, answered: answered as Answered };
  }
}

/** The ledger knows an address by nothing: it holds no addresses, and the hit's own reference is printed. */
async function* askAddresses({ asking, country, now }: Tools, words: readonly string[]): AsyncGenerator<Asked> {
  for await (const url of readAddresses(words)) {
    if (url.length > MATCH_URL_MAX_CHARS) {
      const problem = new ExchangeError("url_invalid", { reason: "length", max_chars: MATCH_URL_MAX_CHARS });
      yield { label: `${url.slice(0, LABEL_MAX_CHARS)}…`, answered: { problem } };
      continue;
    }
    const [answered] = await ask(asking, [{ query: { url }, country }], now());
    yield { label: url, answered: answered as Answered };
  }
}

async function* readAddresses(words: readonly string[]): AsyncGenerator<string> {
  for (const word of words) {
    if (word === "-") yield* readLines(process.stdin);
    else yield word;
  }
}

const WHAT: Record<"hash" | "term" | "url", string> = { hash: "a hash set", term: "a term set", url: "a URL set" };

const UNUSABLE: Record<UnusableCode, readonly [why: string, next: string]> = {
  copy_stale: ["destroyed: past keep_stale", "breakwater sync"],
  copy_damaged: ["not used: the copy was changed", "breakwater sync --fresh"],
  state_newer: ["not used: a newer breakwater wrote the copy", "update this one"],
};

function tellUnusable(terminal: Terminal, matcher: Matcher, kind: keyof typeof WHAT, now: Date): void {
  for (const { set, code } of matcher.unusable()) {
    const [why, next] = UNUSABLE[code];
    terminal.note(terminal.mark("caution", `${set}  ${why}; ${next}${code === "state_newer" ? "" : ` ${set}`}`));
  }
  if (matcher.sets(now).some((set) => set.kind === (kind satisfies SetKind))) return;
  const text = {
    what: `Nothing matched: there is no verified copy of ${WHAT[kind]} on this machine.`,
    kept: "nothing was changed",
    next: "breakwater sync",
  };
  throw new CommandFailure(new ExchangeError("copy_missing"), text);
}

function parseWord<T>(
  schema: { safeParse(value: unknown): { success: boolean; data?: T } },
  text: string | undefined,
  reason: string,
): T | undefined {
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(text);
  if (!parsed.success) throw new ExchangeError("usage_invalid", { reason });
  return parsed.data;
}

function parseExit(text: string): ExitCode {
  const code = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (!(code <= EXIT_CODE_MAX)) throw new ExchangeError("usage_invalid", { reason: "hit_exit" });
  return code as ExitCode;
}
