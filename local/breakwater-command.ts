// Runs the command `breakwater` as a person would, with one of the demo's profiles.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./home.ts";

const OUTPUT_MAX_CHARS = 1_000_000;

function start(profileDir: string, args: string[], stdio: "pipe" | ["ignore", number, number]): ChildProcess {
  return spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(ROOT, "client", "cli", "main.ts"), ...args],
    {
      env: { ...process.env, BREAKWATER_CONFIG: profileDir },
      stdio,
    },
  );
}

/** @returns exit code and output; what the command refuses is for the caller to judge */
export function runCommand(profileDir: string, args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = start(profileDir, args, "pipe");
    let [out, err] = ["", ""];
    child.stdin?.end();
    child.stdout?.on("data", (chunk) => (out = (out + chunk).slice(-OUTPUT_MAX_CHARS)));
    child.stderr?.on("data", (chunk) => (err = (err + chunk).slice(-OUTPUT_MAX_CHARS)));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, out, err }));
  });
}

/** Starts a command that goes on by itself; its words go to an open file. */
export function startCommand(profileDir: string, args: string[], logFile: number): ChildProcess {
  return start(profileDir, args, ["ignore", logFile, logFile]);
}
