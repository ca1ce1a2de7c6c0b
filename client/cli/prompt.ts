/** What a person types: secrets without an echo, and the name that confirms what cannot be undone. */

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { ExchangeError } from "@breakwater/shared/problem.ts";

const STDIN_SECRET_MAX_BYTES = 8 * 1024;

/** A secret from a pipe (its first line), or typed at a terminal without showing it. Never from the command line. */
export async function readSecret(question: string): Promise<string> {
  if (!process.stdin.isTTY) return firstLineOfStdin();
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(`${question} `);
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return (await reader.question("")).trim();
  } finally {
    reader.close();
    process.stderr.write("\n");
  }
}

export async function ask(question: string): Promise<string> {
  if (!process.stdin.isTTY) throw new ExchangeError("confirmation_missing");
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await reader.question(`  ${question} `)).trim();
  } finally {
    reader.close();
  }
}

/**
 * Goes on only when the name was typed, or given beforehand.
 *
 * @param given - what `--yes` carried
 * @throws ExchangeError `confirmation_missing`
 */
export async function confirmByName(name: string, given: string | undefined, question: string): Promise<void> {
  const isThere = given !== undefined || process.stdin.isTTY;
  if (isThere && (given ?? (await ask(question))) === name) return;
  throw new ExchangeError("confirmation_missing", { expected: name });
}

async function firstLineOfStdin(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.length > STDIN_SECRET_MAX_BYTES) throw new ExchangeError("usage_invalid", { reason: "stdin_too_long" });
    if (text.includes("\n")) break;
  }
  return (text.split("\n")[0] ?? "").trim();
}
