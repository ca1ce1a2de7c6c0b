/** Which log each exchange has: taken at first use unless given, and from then on changed only by a person's own command. */

import { join } from "node:path";
import { parseVkey } from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { LogInfo } from "@breakwater/shared/wire/log.ts";
import { z } from "zod";
import { readPrivateFile, writePrivateFile } from "./private-files.ts";
import { parseSecureUrl } from "./profile.ts";

const LogPinFile = z.strictObject({
  ...LogInfo.shape,
  /** first_use: believed because nothing else was known. given: compared out of band by a person. */
  trust: z.enum(["first_use", "given"]),
  pinned_at: z.iso.datetime(),
});
export type LogPin = z.infer<typeof LogPinFile>;
const LogPins = z.record(z.string(), LogPinFile);

/** By the exchange's origin. @throws ExchangeError `profile_invalid`: pins that cannot be read are not missing pins */
export async function readLogPin(profileDir: string, exchange: string): Promise<LogPin | undefined> {
  return (await readLogPins(profileDir))[exchange];
}

export async function writeLogPin(profileDir: string, exchange: string, pin: LogPin): Promise<void> {
  const pins = { ...(await readLogPins(profileDir)), [exchange]: pin };
  await writePrivateFile(join(profileDir, "logs.json"), `${JSON.stringify(pins, null, 2)}\n`);
}

/** The log that an exchange offers, as one to hold it to. @throws ExchangeError `key_invalid`, `profile_invalid` */
export function logPinOf({ url, origin, vkey }: LogInfo, trust: LogPin["trust"], now: Date): LogPin {
  parseVkey(vkey);
  // Nothing secret is sent there, but a log read over plain http would be anybody's to withhold.
  parseSecureUrl(url);
  return { url: url.replace(/\/$/, ""), origin, vkey, trust, pinned_at: now.toISOString() };
}

/** The pin; at first use the exchange's own word becomes it. */
export async function obtainLogPin(
  profileDir: string,
  exchange: { origin: string; getLogInfo(): Promise<LogInfo> },
  now: Date,
): Promise<{ pin: LogPin; isNew: boolean }> {
  const held = await readLogPin(profileDir, exchange.origin);
  if (held !== undefined) return { pin: held, isNew: false };
  const pin = logPinOf(await exchange.getLogInfo(), "first_use", now);
  await writeLogPin(profileDir, exchange.origin, pin);
  return { pin, isNew: true };
}

async function readLogPins(profileDir: string): Promise<Record<string, LogPin>> {
  const bytes = await readPrivateFile(join(profileDir, "logs.json"));
  if (bytes === undefined) return {};
  try {
    return LogPins.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new ExchangeError("profile_invalid", { reason: "logs" }, { cause });
  }
}
