/** Runs the real command in a process of its own, as a person or a script would. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));

export type Ran = { code: number | null; signal: string | null; stdout: string; stderr: string };
export type RunOptions = {
  /** The profile's folder. */
  profile: string;
  env?: Record<string, string>;
  stdin?: string;
  cwd?: string;
  /** Modules loaded before the command. */
  preload?: string[];
  /** No file may grow past so many KiB: what a full disk does to a write, without one. */
  fileMaxKib?: number;
  onStart?: (child: ChildProcess) => void;
};

/** What the command may see of the test run: where programs are, and the code that an earlier command has compiled already. */
function outer(): Record<string, string> {
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {}) };
}

/** A UTF-8 terminal's locale without a terminal; `env` overrides. */
export function runCommand(args: readonly string[], options: RunOptions): Promise<Ran> {
  const preload = (options.preload ?? []).flatMap((module) => ["--import", module]);
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", ...preload, MAIN, ...args];
  // --norc: a shell whose input is a socket takes itself for a remote one and reads the person's settings.
  const limited = ["bash", "--norc", "-c", 'ulimit -f "$0" && exec "$@"', String(options.fileMaxKib), ...node];
  const [command = "", ...words] = options.fileMaxKib === undefined ? node : limited;
  const child = spawn(command, words, {
    cwd: options.cwd,
    env: { ...outer(), LANG: "C.UTF-8", BREAKWATER_CONFIG: options.profile, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  options.onStart?.(child);
  child.stdin.on("error", () => undefined); // a command that reads nothing may have ended already
  child.stdin.end(options.stdin ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
