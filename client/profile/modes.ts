/** What a hit leads to here, a set: observe until a person says otherwise (rule 11). */

import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { readPrivateFile, writePrivateFile } from "./private-files.ts";

export const MODES = ["observe", "review", "block"] as const;
export type Mode = (typeof MODES)[number];
const Modes = z.record(z.string(), z.enum(MODES));

export async function readModes(profileDir: string): Promise<Record<string, Mode>> {
  const bytes = await readPrivateFile(join(profileDir, "modes.json"));
  if (bytes === undefined) return {};
  try {
    return Modes.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new ExchangeError("profile_invalid", { reason: "modes" }, { cause });
  }
}

export async function writeMode(profileDir: string, set: string, mode: Mode): Promise<void> {
  const modes = { ...(await readModes(profileDir)), [set]: mode };
  await writePrivateFile(join(profileDir, "modes.json"), `${JSON.stringify(modes, null, 2)}\n`);
}

/** A copy that is not current blocks nothing: its hits ask for review. */
export function effectiveMode(mode: Mode | undefined, current: boolean): Mode {
  const chosen = mode ?? "observe";
  return chosen === "block" && !current ? "review" : chosen;
}
