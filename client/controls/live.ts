/** The controls as a running process sees them: a change by any other process counts here within a second. */

import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { makePrivateDir } from "../profile/private-files.ts";
import { type Controls, type Flood, makeControls, UNREADABLE_CONTROLS } from "./controls.ts";
import { CONTROLS_FILE, controlsPath, findControlsKey, moveOldModes, readControls } from "./file.ts";
import { formatTarget } from "./target.ts";

/** The promise is a second. Watching is faster, but not every file system tells; a look costs one stat. */
export const CONTROLS_POLL_MS = 400;

export type LiveControls = {
  readonly current: Controls;
  /** Holds here at once, until the file says so too. */
  assume(flood: Flood): void;
  /** Reads the file now. */
  refresh(): Promise<void>;
  close(): void;
};

export type LiveOptions = {
  /** Where modes lay before; they are moved once. */
  profileDir?: string;
  now?: () => Date;
  onChange?: (controls: Controls) => void;
};

/** Controls that cannot be read are no reason to stop matching: nothing blocks until they can. */
export async function openControls(stateDir: string, options: LiveOptions = {}): Promise<LiveControls> {
  const { profileDir, now = () => new Date(), onChange = () => undefined } = options;
  await makePrivateDir(stateDir);
  let read = await load(stateDir, profileDir, now);
  let current = read.controls;
  let assumed: Flood[] = [];
  let reading: Promise<void> | undefined;
  let closed = false;

  function compose(): void {
    const { controls, key } = read;
    const known = new Set(controls.file.floods.map(({ target }) => formatTarget(target)));
    assumed = assumed.filter(({ target }) => !known.has(formatTarget(target)));
    const before = current;
    current =
      assumed.length === 0
        ? controls
        : makeControls({ ...controls.file, floods: [...controls.file.floods, ...assumed] }, key, controls.readable);
    if (current !== before) onChange(current);
  }

  async function look(force: boolean): Promise<void> {
    const seen = await markOf(stateDir);
    if (closed || (!force && seen === read.mark)) return;
    const next = await load(stateDir, profileDir, now);
    if (closed) return;
    read = next;
    compose();
  }

  /** One look at a time; who asks while one runs waits for the one after it, which sees what they wrote. */
  async function refresh(force: boolean): Promise<void> {
    while (reading !== undefined) await reading;
    reading = look(force).finally(() => {
      reading = undefined;
    });
    await reading;
  }

  const timer = setInterval(() => void refresh(false), CONTROLS_POLL_MS);
  timer.unref();
  const watcher = watchFile(stateDir, () => void refresh(false));
  return {
    get current() {
      return current;
    },
    assume(flood) {
      assumed = [...assumed, flood];
      compose();
    },
    refresh: () => refresh(true),
    close() {
      closed = true;
      clearInterval(timer);
      watcher?.close();
    },
  };
}

type Read = { controls: Controls; key: Uint8Array | undefined; mark: string };

async function load(stateDir: string, profileDir: string | undefined, now: () => Date): Promise<Read> {
  // Before the bytes: what is written in between is seen by the next look.
  const mark = await markOf(stateDir);
  try {
    if (profileDir !== undefined) await moveOldModes(stateDir, profileDir, now());
    const file = await readControls(stateDir);
    const key = await findControlsKey(stateDir);
    return { controls: makeControls(file, key), key, mark };
  } catch (error) {
    if (!(error instanceof ExchangeError) && !(error instanceof Error && "code" in error)) throw error;
    return { controls: UNREADABLE_CONTROLS, key: undefined, mark };
  }
}

/** A file that was replaced differs in one of these. */
async function markOf(stateDir: string): Promise<string> {
  try {
    const { ino, mtimeNs, size, mode } = await stat(controlsPath(stateDir), { bigint: true });
    return `${ino} ${mtimeNs} ${size} ${mode}`;
  } catch {
    return "-";
  }
}

function watchFile(stateDir: string, onChange: () => void): FSWatcher | undefined {
  try {
    // The folder, since the file is replaced and not written.
    const watcher = watch(stateDir, { persistent: false }, (_event, name) => {
      if (name === null || name === CONTROLS_FILE) onChange();
    });
    // Watching is only the faster way: the timer looks in any case.
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
