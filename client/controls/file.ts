/** The controls on the disk: one file, written whole under a lock, and never guessed at when it cannot be read. */

import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { MatchAction } from "@breakwater/shared/wire/match.ts";
import { z } from "zod";
import { takeLock } from "../profile/lock.ts";
import { createPrivateFile, readPrivateFile, writePrivateFile } from "../profile/private-files.ts";
import { ControlsFile, NO_CONTROLS } from "./controls.ts";

export const CONTROLS_FILE = "controls.json";
const KEY_FILE = "controls.key";
const KEY_BYTES = 32;
const LOCK_WAIT_MS = 10_000;

export function controlsPath(stateDir: string): string {
  return join(stateDir, CONTROLS_FILE);
}

/**
 * @returns no controls when there is no file
 * @throws ExchangeError `controls_invalid`: a file that cannot be read is not an empty one
 */
export async function readControls(stateDir: string): Promise<ControlsFile> {
  const bytes = await readPrivateFile(controlsPath(stateDir));
  return bytes === undefined ? NO_CONTROLS : parseControls(bytes);
}

function parseControls(bytes: Uint8Array): ControlsFile {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ExchangeError("controls_invalid", { reason: "json" }, { cause });
  }
  const parsed = ControlsFile.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ExchangeError("controls_invalid", { reason: isNewer(value) ? "newer" : "members" });
}

function isNewer(value: unknown): boolean {
  const { v } = (value ?? {}) as { v?: unknown };
  return typeof v === "number" && v > NO_CONTROLS.v;
}

/**
 * Changes the controls, one writer at a time.
 *
 * @param change - what they become; the same object: nothing is written
 * @throws ExchangeError `controls_invalid`, `copy_locked`
 */
export async function updateControls(
  stateDir: string,
  change: (before: ControlsFile) => ControlsFile,
): Promise<ControlsFile> {
  const lock = await takeLock(stateDir, "controls", LOCK_WAIT_MS);
  if (lock === undefined) throw new ExchangeError("copy_locked", { reason: "controls" });
  try {
    const before = await readControls(stateDir);
    const after = change(before);
    if (after === before) return before;
    const checked = ControlsFile.safeParse(after);
    if (!checked.success) throw new ExchangeError("usage_invalid", { reason: "too_many_controls" });
    await writePrivateFile(controlsPath(stateDir), `${JSON.stringify(checked.data, null, 2)}\n`);
    return checked.data;
  } finally {
    await lock.release();
  }
}

/** The key of the digests of allowed contents; undefined before the first. */
export function findControlsKey(stateDir: string): Promise<Uint8Array | undefined> {
  return readPrivateFile(join(stateDir, KEY_FILE));
}

export async function obtainControlsKey(stateDir: string): Promise<Uint8Array> {
  const held = await findControlsKey(stateDir);
  if (held !== undefined) return held;
  try {
    await createPrivateFile(join(stateDir, KEY_FILE), randomBytes(KEY_BYTES));
  } catch (error) {
    if (!(error instanceof ExchangeError && error.code === "conflict")) throw error;
  }
  return obtainControlsKey(stateDir);
}

const OldModes = z.record(z.string(), MatchAction);

/**
 * Modes were a file of the profile once: they are moved here, and the old file is gone. A crash in between moves them
 * again, and what was decided here since then is not written over.
 *
 * @throws ExchangeError `controls_invalid`
 */
export async function moveOldModes(stateDir: string, profileDir: string, now: Date): Promise<void> {
  const path = join(profileDir, "modes.json");
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) return;
  const since = now.toISOString();
  const old = parseOldModes(bytes);
  await updateControls(stateDir, (before) => {
    const moved = Object.entries(old).map(([set, act]) => [set, { act, since }] as const);
    return { ...before, modes: { ...Object.fromEntries(moved), ...before.modes } };
  });
  await rm(path, { force: true });
}

function parseOldModes(bytes: Uint8Array): z.infer<typeof OldModes> {
  try {
    return OldModes.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new ExchangeError("controls_invalid", { reason: "modes" }, { cause });
  }
}
