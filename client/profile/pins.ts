/** Which root of each publisher was agreed on out of band: the first trust, and never learned from the exchange alone. */

import { join } from "node:path";
import { Digest, Publisher } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { readPrivateFile, writePrivateFile } from "./private-files.ts";

const Pin = z.strictObject({ version: z.int().positive(), digest: Digest });
export type Pin = z.infer<typeof Pin>;
const Pins = z.record(Publisher, Pin);
export type Pins = Record<string, Pin>;

/** @throws ExchangeError `profile_invalid`: a list of pins that cannot be read is not an empty one */
export async function readPins(profileDir: string): Promise<Pins> {
  const bytes = await readPrivateFile(join(profileDir, "pins.json"));
  if (bytes === undefined) return {};
  try {
    return Pins.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new ExchangeError("profile_invalid", { reason: "pins" }, { cause });
  }
}

export async function writePin(profileDir: string, publisher: string, pin: Pin): Promise<void> {
  const pins = { ...(await readPins(profileDir)), [publisher]: pin };
  const sorted = Object.fromEntries(Object.entries(pins).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writePrivateFile(join(profileDir, "pins.json"), `${JSON.stringify(sorted, null, 2)}\n`);
}
