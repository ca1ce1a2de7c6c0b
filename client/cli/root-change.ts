/** The options that say how a root changes, and the words in which a person sees it before signing. */

import { readFile } from "node:fs/promises";
import type { Kid, Publisher } from "@breakwater/shared/ids.ts";
import { type PublicJwk, parsePublicJwk, type SigningKey } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import type { Exchange } from "../http/index.ts";
import { createSigningKeyFile, type KeyUse, listSigningKeys, openKeyFile } from "../profile/key-files.ts";
import type { RoleChange, RoleDiff, RootChange, RootDiff } from "../publish/next-root.ts";
import type { Tally } from "../publish/proposal.ts";
import type { Command } from "./command.ts";
import type { Terminal } from "./terminal.ts";
import { formatTime } from "./words.ts";

export type ChangeOptions = {
  addRoot?: string[];
  removeRoot?: string[];
  rootThreshold?: string;
  addRelease?: string[];
  removeRelease?: string[];
  releaseThreshold?: string;
  custody?: string;
  log?: string;
};

const collect = (value: string, before: string[] = []) => [...before, value];
const KEY_FILE_MAX_BYTES = 4 * 1024;

export function withChangeOptions(command: Command): Command {
  return command
    .option("--add-root <file>", "a public key file, or new: make one here; may be repeated", collect)
    .option("--remove-root <kid>", "may be repeated", collect)
    .option("--root-threshold <n>", "how many root keys must sign the next root")
    .option("--add-release <file>", "a public key file, or new: make one here; may be repeated", collect)
    .option("--remove-release <kid>", "may be repeated", collect)
    .option("--release-threshold <n>", "how many release keys must sign a release")
    .option("--custody <who>", "member: a new release key here takes over; exchange: the exchange's key does")
    .option("--log <origin>", "another home log");
}

/** Keys that are to be new are made here, after everything that can be refused was. */
export async function makeChange(
  options: ChangeOptions,
  {
    profileDir,
    exchange,
    previous,
  }: { profileDir: string; exchange: Pick<Exchange, "askForCustody">; previous: OpenedRoot },
): Promise<RootChange> {
  const release: RoleChange = {
    remove: options.removeRelease ?? [],
    ...threshold(options.releaseThreshold),
  };
  const given = options.addRelease ?? [];
  if (options.custody !== undefined) {
    if (given.length > 0 || release.remove?.length !== 0) {
      throw new ExchangeError("usage_invalid", { reason: "custody_replaces_all_release_keys" });
    }
    const { kids } = previous.root.roles.release;
    const add = [await custodyKey(options.custody, previous.root.publisher, profileDir, exchange)];
    Object.assign(release, { add, remove: kids, threshold: 1 });
  } else release.add = await takeKeys(profileDir, "release", given);
  return {
    release,
    root: {
      add: await takeKeys(profileDir, "root", options.addRoot ?? []),
      remove: options.removeRoot ?? [],
      ...threshold(options.rootThreshold),
    },
    ...(options.log === undefined ? {} : { log: options.log }),
  };
}

async function custodyKey(
  custody: string,
  publisher: Publisher,
  profileDir: string,
  exchange: Pick<Exchange, "askForCustody">,
): Promise<PublicJwk> {
  if (custody === "member") return (await createSigningKeyFile(profileDir, "release")).publicJwk;
  if (custody !== "exchange") throw new ExchangeError("usage_invalid", { reason: "custody" });
  const known = await exchange.askForCustody(publisher);
  if (known.release_key === undefined) throw new ExchangeError("custody_mismatch", { have: known.custody });
  return parsePublicJwk(known.release_key);
}

function threshold(text: string | undefined): { threshold?: number } {
  if (text === undefined) return {};
  if (!/^[1-9]\d?$/.test(text)) throw new ExchangeError("usage_invalid", { reason: "threshold" });
  return { threshold: Number(text) };
}

async function takeKeys(profileDir: string, use: KeyUse, given: string[]): Promise<PublicJwk[]> {
  const keys: PublicJwk[] = [];
  for (const text of given) {
    keys.push(text === "new" ? (await createSigningKeyFile(profileDir, use)).publicJwk : await readPublicKey(text));
  }
  return keys;
}

async function readPublicKey(path: string): Promise<PublicJwk> {
  const bytes = await readFile(path).catch(() => {
    throw new ExchangeError("file_unreadable", { reason: "not_there" });
  });
  if (bytes.length > KEY_FILE_MAX_BYTES) throw new ExchangeError("key_invalid", { reason: "size" });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ExchangeError("key_invalid", { reason: "file" });
  }
  // A private key in the place of a public one is about to be mailed around: it is refused, not stripped.
  if (typeof value === "object" && value !== null && "d" in value) {
    throw new ExchangeError("key_invalid", { reason: "a_private_key_where_the_public_one_belongs" });
  }
  return parsePublicJwk(value);
}

/** Root keys of the profile, and those in the files named: a stick that only its holder carries. */
export async function gatherRootKeys(profileDir: string, files: readonly string[] = []): Promise<SigningKey[]> {
  const keys = new Map<string, SigningKey>();
  for (const key of await listSigningKeys(profileDir, "root")) keys.set(key.kid, key);
  for (const file of files) {
    const key = await openKeyFile(file);
    keys.set(key.kid, key);
  }
  return [...keys.values()];
}

export function rootLines(terminal: Terminal, diff: RootDiff): string[] {
  const lines = [`  root ${diff.version} of ${diff.publisher} follows ${diff.previous}`];
  for (const role of ["root", "release"] as const) lines.push(...roleLines(terminal, role, diff[role]));
  if (diff.log !== null) lines.push(`  ${terminal.label("log")}      becomes ${diff.log}`);
  lines.push(`  ${terminal.label("until")}    ${formatTime(new Date(diff.exp * 1000))}`);
  return lines;
}

function roleLines(terminal: Terminal, role: "root" | "release", diff: RoleDiff): string[] {
  const [before, after] = diff.threshold;
  const all = diff.kept.length + diff.added.length;
  const needs = before === after ? `${after} of ${all}` : `${after} of ${all} (was ${before})`;
  const name = role === "root" ? "root   " : "release";
  const row = (sign: string, kid: Kid) => `    ${sign} ${kid}`;
  return [
    `  ${terminal.label(name)}  ${needs} must sign`,
    ...diff.removed.map((kid) => row("−", kid)),
    ...diff.added.map((kid) => row("+", kid)),
    ...diff.kept.map((kid) => row(" ", kid)),
  ];
}

export function tallyLine({ previous, own, complete, missing }: Tally): string {
  const counts = `${previous.have} of ${previous.threshold} of the root before, ${own.have} of ${own.threshold} of its own`;
  return complete
    ? `signed by ${counts}: it can be posted`
    : `signed by ${counts}; still without: ${missing.join(", ")}`;
}
