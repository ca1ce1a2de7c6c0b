/** One writer at a time for a folder: a lock file that names its process, and outlives no process. */

import { link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { draftPath, isFileError, makePrivateDir, PRIVATE_FILE_MODE } from "./private-files.ts";

const POLL_MS = 100;
// A lock file is written right after it is made; one that stays empty this long lost its writer in between.
const EMPTY_LOCK_GRACE_MS = 2_000;

export type Lock = { release(): Promise<void> };

/**
 * Takes the lock `name` of a folder, waiting for whoever has it.
 *
 * @param waitMs - how long to wait; 0 tries once
 * @returns undefined when somebody still has it after that
 */
export async function takeLock(dir: string, name: string, waitMs: number): Promise<Lock | undefined> {
  await makePrivateDir(dir);
  const path = join(dir, `${name}.lock`);
  const until = Date.now() + waitMs;
  for (;;) {
    if (await createLock(path)) return { release: () => rm(path, { force: true }) };
    const abandoned = await findAbandoned(path);
    if (abandoned !== undefined) await removeAbandoned(path, abandoned);
    else if (Date.now() >= until) return undefined;
    else await sleep(POLL_MS);
  }
}

async function createLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, "wx", PRIVATE_FILE_MODE);
    await file.writeFile(`${process.pid} ${await processStart(process.pid)}\n`);
    await file.close();
    return true;
  } catch (error) {
    if (isFileError(error, "EEXIST")) return false;
    throw error;
  }
}

/** Two waiters may judge at once: what was moved aside is looked at again, and put back if it is somebody's. */
async function removeAbandoned(path: string, judged: string): Promise<void> {
  const aside = draftPath(path);
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== judged) await link(aside, path);
  } catch (error) {
    if (!isFileError(error, "ENOENT") && !isFileError(error, "EEXIST")) throw error;
  }
  await rm(aside, { force: true });
}

/** The text of a lock whose process has ended; undefined while somebody has it, or when it is gone. */
async function findAbandoned(path: string): Promise<string | undefined> {
  let text: string;
  let ageMs: number;
  try {
    text = await readFile(path, "utf8");
    ageMs = Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (isFileError(error, "ENOENT")) return undefined; // given back just now: try again
    throw error;
  }
  const [pid, start] = text.trim().split(" ");
  if (pid === undefined || start === undefined || !/^\d+$/.test(pid)) {
    return ageMs > EMPTY_LOCK_GRACE_MS ? text : undefined;
  }
  // A number is used again after its process ended; the start time tells the two apart.
  return !isAlive(Number(pid)) || (await processStart(Number(pid))) !== start ? text : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isFileError(error, "EPERM");
  }
}

/** The kernel's start tick of a process where there is one to read (Linux); `-` elsewhere and for zombies' absence. */
async function processStart(pid: number): Promise<string> {
  try {
    const line = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    // Field 3 is the state; a zombie has ended in all but name. Field 22 is the start time.
    return fields[0] === "Z" ? "ended" : (fields[19] ?? "-");
  } catch {
    return "-"; // no /proc on this system: the number alone must do
  }
}
