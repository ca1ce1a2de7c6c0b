/** Where a command speaks: results on stdout, everything else on stderr, plain or as JSON. */

import { asciiOf, defang, STYLE, safeLine } from "./words.ts";

export type OutputOptions = { json?: boolean; ascii?: boolean; quiet?: boolean; full?: boolean };

/** What the process offers; tests pass strings. */
export type Streams = {
  stdout: { write(text: string): unknown; isTTY?: boolean };
  stderr: { write(text: string): unknown; isTTY?: boolean; columns?: number };
  env: NodeJS.ProcessEnv;
};

export type Mark = "done" | "caution" | "fault" | "note";
const SYMBOL: Record<Mark, string> = { done: "✓", caution: "!", fault: "✗", note: "·" };
const TONE: Record<Mark, string> = { done: STYLE.green, caution: STYLE.yellow, fault: STYLE.red, note: STYLE.dim };

export type Terminal = {
  json: boolean;
  quiet: boolean;
  /** Ids and hashes whole. */
  full: boolean;
  /** Is a person reading the results, or the notes? */
  stdoutIsTty: boolean;
  stderrIsTty: boolean;
  /** A result: its fact with `--json`, its lines otherwise. */
  print(fact: object, ...lines: string[]): void;
  /** Bytes of a result that must stay as they are (an export, a link made to be used). */
  printRaw(text: string): void;
  /** Help texts, whose examples are to be typed as they stand. */
  printHelp(text: string): void;
  /** What a person should know and a script need not. */
  note(...lines: string[]): void;
  /** A failure's lines, or its problem with `--json`. */
  fail(problem: object, ...lines: string[]): void;
  /** One line on stderr that the next call replaces. */
  rewrite(line: string): void;
  /** The mark and, after it, the word that always goes with it. */
  mark(mark: Mark, text: string): string;
  label(text: string): string;
};

export function makeTerminal(options: OutputOptions, streams: Streams): Terminal {
  const { env } = streams;
  const ascii = options.ascii === true || !speaksUtf8(env);
  const json = options.json === true;
  const quiet = options.quiet === true;
  const render = (text: string, color: boolean) => {
    const line = safeLine(defang(text), color);
    return ascii ? asciiOf(line) : line;
  };
  const outColor = mayColor(streams.stdout, env);
  const errColor = mayColor(streams.stderr, env);
  const err = (lines: string[]) => {
    for (const line of lines) streams.stderr.write(`${render(line, errColor)}\n`);
  };
  return {
    json,
    quiet,
    full: options.full === true,
    stdoutIsTty: streams.stdout.isTTY === true,
    stderrIsTty: streams.stderr.isTTY === true,
    print(fact, ...lines) {
      if (json) streams.stdout.write(`${jsonLine(fact, ascii)}\n`);
      else for (const line of lines) streams.stdout.write(`${render(line, outColor)}\n`);
    },
    printRaw: (text) => {
      streams.stdout.write(text);
    },
    printHelp: (text) => {
      streams.stdout.write(ascii ? text.split("\n").map(asciiOf).join("\n") : text);
    },
    note(...lines) {
      if (!json && !quiet) err(lines);
    },
    fail(problem, ...lines) {
      if (json) streams.stderr.write(`${jsonLine(problem, ascii)}\n`);
      else err(lines);
    },
    rewrite(line) {
      const room = (streams.stderr.columns ?? 80) - 1;
      streams.stderr.write(`\r${[...render(line, false)].slice(0, room).join("").padEnd(room)}\r`);
    },
    mark: (mark, text) => `${TONE[mark]}${SYMBOL[mark]}${STYLE.reset} ${text}`,
    label: (text) => `${STYLE.dim}${text}${STYLE.reset}`,
  };
}

/** JSON escapes control characters itself; for ASCII the rest is escaped too, so that nothing is lost. */
function jsonLine(fact: object, ascii: boolean): string {
  const line = JSON.stringify(fact);
  if (!ascii) return line;
  return line.replaceAll(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function mayColor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

/** POSIX order: LC_ALL, LC_CTYPE, LANG; with none set the locale is C, except on systems that do not use them. */
function speaksUtf8(env: NodeJS.ProcessEnv): boolean {
  if (process.platform === "win32") return true;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (!locale) return process.platform === "darwin";
  return /utf-?8/i.test(locale);
}
