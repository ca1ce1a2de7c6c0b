// What runs on this machine, as far as a runner may know and end it: a process is ours only if its command line or environment names our home.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Set in the environment of everything a runner starts; its value is the home, so that orphans can be told from strangers. */
export const RUN_MARKER = "BREAKWATER_RUN_HOME";

const POLL_MS = 50;
const hasProc = existsSync("/proc/self/stat");

export type Seen = {
  pid: number;
  parent: number;
  /** Start time in the kernel's own unit: with the pid it names one process for ever, however pids are reused. */
  started: string;
  command: string;
};

/** The process with this pid, or undefined if there is none or only a zombie of it. */
export function findProcess(pid: number): Seen | undefined {
  return hasProc ? readProc(pid) : readPs(pid);
}

function readProc(pid: number): Seen | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the name in brackets and may hold blanks: count from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, parent] = fields;
    if (state === "Z" || state === "X" || parent === undefined) return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return { pid, parent: Number(parent), started: fields[19] ?? "", command };
  } catch {
    // Gone between listing and reading, or not ours to read: either way not a process we may end.
    return undefined;
  }
}

function readPs(pid: number): Seen | undefined {
  const { stdout, status } = spawnSync("ps", ["-o", "ppid=,stat=,lstart=,command=", "-p", String(pid)], {
    encoding: "utf8",
  });
  const found = status === 0 ? /^\s*(\d+)\s+(\S+)\s+(.{24})\s+(.*)$/m.exec(stdout) : null;
  if (!found?.[1] || found[2]?.startsWith("Z")) return undefined;
  return { pid, parent: Number(found[1]), started: found[3] ?? "", command: found[4] ?? "" };
}

/** Pids of every process that this user can see. */
function listPids(): number[] {
  if (hasProc) return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid="], { encoding: "utf8" });
  return (stdout ?? "").split("\n").map(Number).filter(Boolean);
}

/** Living processes that a runner of this home started, by the marker in their first environment or the home in their command line. */
export function listProcessesOf(home: string): Seen[] {
  return listPids().flatMap((pid) => {
    if (pid === process.pid) return [];
    const seen = findProcess(pid);
    return seen && (environmentOf(pid).includes(`${RUN_MARKER}=${home}`) || names(seen.command, home)) ? [seen] : [];
  });
}

/** Those of them that no longer belong to this process: what an earlier runner left behind. */
export function listOrphansOf(home: string): Seen[] {
  return listProcessesOf(home).filter((seen) => !descendsFrom(seen, process.pid));
}

function descendsFrom(seen: Seen, ancestor: number): boolean {
  for (let at: Seen | undefined = seen; at && at.pid > 1; at = findProcess(at.parent))
    if (at.parent === ancestor) return true;
  return false;
}

function environmentOf(pid: number): string[] {
  if (!hasProc) return [];
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** Only a database of ours names our home in its command line; an editor or a shell that happens to name it is left alone. */
function names(command: string, home: string): boolean {
  return /(^|\/)postgres -D /.test(command) && `${command} `.includes(`${home}/`);
}

/** Direct children of this process whose command line matches. */
export function listChildren(pattern: RegExp, parent: number = process.pid): Seen[] {
  return listPids().flatMap((pid) => {
    const seen = findProcess(pid);
    return seen?.parent === parent && pattern.test(seen.command) ? [seen] : [];
  });
}

/** This process and its parents, up to the one that a person or a script started (npm, or our launcher). */
export function lineage(): Seen[] {
  const line: Seen[] = [];
  for (let pid = process.pid; pid > 1 && line.length < 8; ) {
    const seen = findProcess(pid);
    if (!seen || (line.length > 0 && !/^(npm|npx|node|sh|\S*\/(node|sh|npm))\b/.test(seen.command))) break;
    line.push(seen);
    pid = seen.parent;
  }
  return line;
}

export function isSame(one: { pid: number; started: string }): boolean {
  return findProcess(one.pid)?.started === one.started;
}

/** Sends the signals in turn until the process is gone. */
export async function endProcess(one: Seen, signals: NodeJS.Signals[], patienceMs: number): Promise<void> {
  for (const signal of signals) {
    if (!isSame(one)) return;
    try {
      process.kill(one.pid, signal);
    } catch {
      return; // gone already
    }
    for (let waitedMs = 0; waitedMs < patienceMs && isSame(one); waitedMs += POLL_MS) await sleep(POLL_MS);
  }
}
