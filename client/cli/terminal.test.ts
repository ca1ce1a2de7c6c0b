import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { makeProgram } from "./program.ts";
import { formatProgress, startProgress } from "./progress.ts";
import { formatTable } from "./table.ts";
import { makeTerminal, type OutputOptions } from "./terminal.ts";
import { asciiOf, defang, formatAge, formatCount, formatTime, safeLine, shortId } from "./words.ts";

function terminalOf(options: OutputOptions & { tty?: boolean; env?: NodeJS.ProcessEnv } = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const isTTY = options.tty === true;
  const terminal = makeTerminal(options, {
    stdout: { isTTY, write: (text: string) => out.push(text) },
    stderr: { isTTY, columns: 60, write: (text: string) => err.push(text) },
    env: options.env ?? { LANG: "C.UTF-8" },
  });
  return { terminal, out, err };
}

describe("a terminal", () => {
  it("colours the mark only, on a terminal only, and never with NO_COLOR or TERM=dumb", () => {
    const say = (options: Parameters<typeof terminalOf>[0]) => {
      const { terminal, out } = terminalOf(options);
      terminal.print({}, terminal.mark("done", "synced"));
      return out.join("");
    };
    expect(say({ tty: true })).toBe("\u001b[32m✓\u001b[0m synced\n");
    expect(say({})).toBe("✓ synced\n");
    expect(say({ tty: true, env: { LANG: "C.UTF-8", NO_COLOR: "1" } })).toBe("✓ synced\n");
    expect(say({ tty: true, env: { LANG: "C.UTF-8", TERM: "dumb" } })).toBe("✓ synced\n");
    expect(say({ tty: true, ascii: true })).toBe("\u001b[32mok\u001b[0m synced\n");
    expect(say({ env: { LANG: "de_DE.ISO-8859-1" } })).toBe("ok synced\n");
    expect(say({ env: { LC_ALL: "C", LANG: "de_DE.UTF-8" } })).toBe("ok synced\n");
  });

  it("keeps results on stdout and everything else on stderr, and with --quiet no notes", () => {
    const { terminal, out, err } = terminalOf();
    terminal.print({ a: 1 }, "result");
    terminal.note("note");
    expect([out, err]).toEqual([["result\n"], ["note\n"]]);
    const quiet = terminalOf({ quiet: true });
    quiet.terminal.note("note");
    expect(quiet.err).toEqual([]);
  });

  it("with --json prints the fact, one line, and no notes", () => {
    const { terminal, out, err } = terminalOf({ json: true });
    terminal.print({ set: "a", what: "é\n" }, "words");
    terminal.note("note");
    terminal.fail({ code: "busy" }, "words");
    expect(out).toEqual(['{"set":"a","what":"é\\n"}\n']);
    expect(err).toEqual(['{"code":"busy"}\n']);
    const ascii = terminalOf({ json: true, ascii: true });
    ascii.terminal.print({ what: "é" });
    expect(ascii.out).toEqual(['{"what":"\\u00e9"}\n']);
    expect(JSON.parse(ascii.out[0] as string)).toEqual({ what: "é" });
  });

  it("lets no foreign text move the cursor, forge a line or turn the direction", () => {
    const hostile = "a\u001b[2Jb\u001b]0;title\u0007c\nd\re\u202ef\u2066g\u009bh";
    expect(safeLine(hostile, true)).toBe("a?[2Jb?]0;title?c?d?e?f?g?h");
    const { terminal, out } = terminalOf({ tty: true });
    terminal.print({}, hostile);
    expect(out.join("")).toBe("a?[2Jb?]0;title?c?d?e?f?g?h\n");
  });

  it("shows no live address", () => {
    expect(defang("see https://Forum.example/t/1?q=a.b and http://a.b.example.")).toBe(
      "see hxxps://Forum[.]example/t/1?q=a.b and hxxp://a[.]b[.]example[.]",
    );
    expect(defang("xhttp://https://forum.example/t")).not.toMatch(/https?:\/\//);
    const { terminal, out } = terminalOf();
    terminal.print({}, "https://forum.example/t");
    expect(out.join("")).toBe("hxxps://forum[.]example/t\n");
  });
});

describe("progress", () => {
  it("says nothing in the first second, then one rewritten line on a terminal", () => {
    let now = 10_000;
    const { terminal, err } = terminalOf({ tty: true });
    const progress = startProgress(terminal, () => now);
    progress.update("a/b", 1, 10);
    expect(err).toEqual([]);
    now += 1_100;
    progress.update("a/b", 5, 10);
    expect(err.join("")).toMatch(/^\r {2}a\/b {2}█████░░░░░ 5 of 10 +\r$/);
    progress.end();
    expect(err.at(-1)).toMatch(/^\r +\r$/);
  });

  it("without a terminal is a plain line every ten seconds, and none with --quiet", () => {
    for (const quiet of [false, true]) {
      let now = 100_000;
      const { terminal, err } = terminalOf({ quiet });
      const progress = startProgress(terminal, () => now);
      for (let second = 0; second < 25; second++, now += 1_000) progress.update("a/b", second, 100);
      progress.end();
      expect(err.length).toBe(quiet ? 0 : 3);
    }
  });

  it("of unknown length counts", () => {
    expect(formatProgress("x", 48_000)).toBe("  x  48,000 so far");
    expect(asciiOf(formatProgress("x", 7, 10))).toBe("  x  #######... 7 of 10");
  });
});

describe("words", () => {
  it("stand in columns, numbers to the right", () => {
    expect(
      formatTable(
        [{ title: "line", align: "end" }, { title: "reason" }],
        [
          ["88", "short"],
          ["1,203", "a longer one"],
        ],
      ),
    ).toEqual([" line  reason", "   88  short", "1,203  a longer one"]);
  });

  it("tell counts, ages, times and ids", () => {
    expect(formatCount(611_020)).toBe("611,020");
    expect([0, 125_000, 3 * 3_600_000, 8 * 86_400_000].map(formatAge)).toEqual(["now", "2 min", "3 h", "8 d"]);
    expect(formatTime(new Date("2026-11-22T14:02:59Z"))).toBe("22 Nov 2026, 14:02 UTC");
    expect(shortId("e7c1000000000004", false)).toBe("e7c1…04");
    expect(shortId("e7c1000000000004", true)).toBe("e7c1000000000004");
  });
});

describe("help", () => {
  it("has examples on every command, and an example is a command that exists", () => {
    const words: string[] = [];
    const program = makeProgram((text) => words.push(text));
    const visit = (command: Command, path: string[]) => {
      words.length = 0;
      command.outputHelp();
      const text = words.join("");
      const examples = [...text.matchAll(/^ {2}\$ breakwater (.+?)(?: {2}|$)/gm)].map((match) => match[1] as string);
      if (path.length > 0) expect(examples.length, path.join(" ")).toBeGreaterThan(0);
      for (const example of examples) expect(findWords(program, example.split(" ")), example).toBe(true);
      for (const child of command.commands) visit(child, [...path, child.name()]);
    };
    visit(program, []);
  });
});

function findWords(program: Command, words: string[]): boolean {
  let at = program;
  for (const word of words) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) return at !== program && at.commands.length === 0;
    at = next;
  }
  return true;
}
