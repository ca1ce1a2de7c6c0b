/** Sees what other processes changed in the state folder: a sync, a recall, a check, a copy that was thrown away. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { listCopies } from "../sync/index.ts";
import { setDir } from "../sync/paths.ts";

/** Each is replaced by a rename, so that a new file number tells of a change even within one tick of the clock. */
const WATCHED = ["current.json", "recalls.json", "status.json"];

export async function fingerprintState(stateDir: string): Promise<string> {
  const parts: string[] = [];
  for (const setId of await listCopies(stateDir)) {
    const marks = await Promise.all(WATCHED.map((name) => markOf(join(setDir(stateDir, setId), name))));
    parts.push(`${formatSetId(setId)} ${marks.join(" ")}`);
  }
  return parts.join("\n");
}

async function markOf(path: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(path);
    return `${ino}:${mtimeMs}:${size}`;
  } catch {
    return "-"; // not there, or not for us to read: what opens it says which
  }
}

/** @param onChange - not called again before it has ended */
export function watchState(
  stateDir: string,
  everyMs: number,
  onChange: () => Promise<void>,
): { look(): Promise<void>; close(): void } {
  let before: string | undefined;
  let looking: Promise<void> | undefined;
  const look = () => {
    looking ??= (async () => {
      const now = await fingerprintState(stateDir);
      if (now === before) return;
      before = now;
      // The first time too: something may have changed while the copies were being opened.
      await onChange();
    })()
      .catch(() => {
        before = ""; // looked at again next time
      })
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };
  const timer = setInterval(() => void look(), everyMs);
  void look();
  return { look, close: () => clearInterval(timer) };
}
