/** Who this installation is: exchange, API key, publisher, and where its keys, pins and verified copies lie. */

import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { readPrivateFile, writePrivateFile } from "./private-files.ts";

/** `bw_<keyid>_<secret>`; only the form is checked here, the exchange knows the rest. */
export const API_KEY_PATTERN = /^bw_[A-Za-z0-9-]{1,64}_[A-Za-z0-9_-]{16,128}$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

const ProfileFile = z.strictObject({
  exchange: z.string().min(1).max(255),
  member: z.string().max(255).optional(),
  publisher: z.string().max(253).optional(),
  api_key: z.string().regex(API_KEY_PATTERN),
  state_dir: z.string().min(1).max(4096),
});

export type Profile = {
  /** The profile's own folder. */
  dir: string;
  exchange: string;
  member?: string;
  publisher?: string;
  apiKey: string;
  stateDir: string;
};

/** `$BREAKWATER_CONFIG`, else `$XDG_CONFIG_HOME/breakwater`, else `~/.config/breakwater`. */
export function profileDir(env: NodeJS.ProcessEnv): string {
  if (env.BREAKWATER_CONFIG) return resolve(env.BREAKWATER_CONFIG);
  return env.XDG_CONFIG_HOME ? join(env.XDG_CONFIG_HOME, "breakwater") : join(homedir(), ".config", "breakwater");
}

/**
 * The profile of a folder.
 *
 * @returns undefined when nobody has logged in there
 * @throws ExchangeError `profile_invalid` for one that cannot be read, or that others may read
 */
export async function findProfile(dir: string): Promise<Profile | undefined> {
  const bytes = await readPrivateFile(join(dir, "profile.json"));
  if (bytes === undefined) return undefined;
  const file = parseProfileFile(bytes);
  const profile: Profile = {
    dir,
    exchange: parseExchangeOrigin(file.exchange),
    apiKey: file.api_key,
    stateDir: resolve(dir, file.state_dir),
  };
  if (file.member !== undefined) profile.member = file.member;
  if (file.publisher !== undefined) profile.publisher = file.publisher;
  return profile;
}

/** @throws ExchangeError `profile_invalid` with the reason `missing` when nobody has logged in */
export async function openProfile(dir: string): Promise<Profile> {
  const profile = await findProfile(dir);
  if (profile === undefined) throw new ExchangeError("profile_invalid", { reason: "missing" });
  return profile;
}

export async function writeProfile(profile: Profile): Promise<void> {
  const file: z.infer<typeof ProfileFile> = {
    exchange: parseExchangeOrigin(profile.exchange),
    api_key: profile.apiKey,
    state_dir: profile.stateDir,
  };
  if (profile.member !== undefined) file.member = profile.member;
  if (profile.publisher !== undefined) file.publisher = profile.publisher;
  await writePrivateFile(join(profile.dir, "profile.json"), `${JSON.stringify(file, null, 2)}\n`);
}

/**
 * An exchange's origin. Plain http would show the API key to the network, so it is for this machine alone.
 *
 * @throws ExchangeError `profile_invalid`
 */
export function parseExchangeOrigin(text: string): string {
  const url = parseSecureUrl(text);
  if (url.pathname !== "/") throw new ExchangeError("profile_invalid", { reason: "exchange_address" });
  return url.origin;
}

/** https, or plain http on this machine; nothing after the path, and nobody's name in it. */
export function parseSecureUrl(text: string): URL {
  if (!URL.canParse(text)) throw new ExchangeError("profile_invalid", { reason: "exchange_address" });
  const url = new URL(text);
  const plain = url.protocol === "http:" && LOOPBACK.test(url.hostname);
  if (url.protocol !== "https:" && !plain) throw new ExchangeError("profile_invalid", { reason: "exchange_insecure" });
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new ExchangeError("profile_invalid", { reason: "exchange_address" });
  }
  return url;
}

function parseProfileFile(bytes: Uint8Array): z.infer<typeof ProfileFile> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // The engine's message quotes the file, and the file holds a secret.
    throw new ExchangeError("profile_invalid", { reason: "json" });
  }
  const parsed = ProfileFile.safeParse(value);
  if (!parsed.success) {
    const members = parsed.error.issues.map((issue) => issue.path.join(".") || "unknown member");
    // Members that nobody knows here, and nothing else amiss: a later version wrote it, and must not be written over.
    const isNewer = parsed.error.issues.every(({ code }) => code === "unrecognized_keys");
    throw new ExchangeError("profile_invalid", { reason: isNewer ? "newer" : "members", members });
  }
  return parsed.data;
}
