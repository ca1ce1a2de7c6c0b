import type { Command } from "commander";
import { expect, it } from "vitest";
import { makeProgram } from "./program.ts";

function walk(command: Command): Command[] {
  return [command, ...command.commands.flatMap(walk)];
}

it("every command says what it does, and shows how it is typed, with options that it has", () => {
  let shown = "";
  const program = makeProgram((text) => {
    shown += text;
  });
  const commands = walk(program).slice(1);
  expect(commands.length).toBeGreaterThan(40);
  for (const command of commands) {
    shown = "";
    command.configureOutput({ writeOut: (text) => (shown += text) });
    command.outputHelp();
    const path: string[] = [];
    for (let at: Command | null = command; at?.parent; at = at.parent) path.unshift(at.name());
    const examples = [...shown.matchAll(/^ {2}\$ (breakwater .+)$/gm)].map(
      ([, line = ""]) => line.split(/ {2,}/)[0] ?? "",
    );
    expect(command.description(), path.join(" ")).not.toBe("");
    expect(examples.length, path.join(" ")).toBeGreaterThan(0);
    for (const example of examples.filter((line) => line.startsWith(`breakwater ${path.join(" ")} `))) {
      for (const [option] of example.split(" | ")[0]?.matchAll(/(?<= )--[a-z-]+/g) ?? []) {
        const known = command.options.map(({ long }) => long);
        if (command.commands.length === 0) expect(known, example).toContain(option);
      }
    }
  }
});
