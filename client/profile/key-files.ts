/** Private keys in the profile's `keys/`: JWKs in files of mode 0600, never overwritten. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  generateSigningKey,
  importSigningKey,
  PrivateJwk,
  type PublicJwk,
  type SigningKey,
} from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { createPrivateFile, isFileError, readPrivateFile } from "./private-files.ts";

/** What a signing key is for; the name of its file begins with it. */
export type KeyUse = "root" | "release" | "agent-signing";

export type KeyFile = SigningKey & { path: string; publicJwk: PublicJwk };

/** Makes a signing key in `keys/{use}-{n}.jwk`, n one above those that are there. */
export async function createSigningKeyFile(profileDir: string, use: KeyUse): Promise<KeyFile> {
  const { privateJwk, publicJwk } = await generateSigningKey({ extractable: true });
  const next = Math.max(0, ...(await listNumbers(profileDir, use))) + 1;
  const path = keyPath(profileDir, `${use}-${next}`);
  await createPrivateFile(path, `${JSON.stringify(privateJwk)}\n`);
  return { path, publicJwk, ...(await importSigningKey(privateJwk)) };
}

/** All signing keys of a use, oldest first. */
export async function listSigningKeys(profileDir: string, use: KeyUse): Promise<KeyFile[]> {
  const numbers = (await listNumbers(profileDir, use)).sort((a, b) => a - b);
  return Promise.all(numbers.map((number) => openKeyFile(keyPath(profileDir, `${use}-${number}`))));
}

/** A private key wherever it lies: one that was made here, or on the stick of whoever holds it. */
export async function openKeyFile(path: string): Promise<KeyFile> {
  const jwk = await readJwk(path, PrivateJwk);
  if (jwk === undefined) throw new ExchangeError("key_invalid", { reason: "missing" });
  const { d: _, ...publicJwk } = jwk;
  return { path, publicJwk, ...(await importSigningKey(jwk)) };
}

export function keyPath(profileDir: string, name: string): string {
  return join(profileDir, "keys", `${name}.jwk`);
}

async function readJwk<Jwk>(path: string, schema: { parse(value: unknown): Jwk }): Promise<Jwk | undefined> {
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // The cause quotes the file, and the file is a private key.
    throw new ExchangeError("key_invalid", { reason: "file" });
  }
}

async function listNumbers(profileDir: string, use: KeyUse): Promise<number[]> {
  const pattern = new RegExp(`^${use}-(\\d+)\\.jwk$`);
  const names = await readdir(join(profileDir, "keys")).catch((error: unknown) => {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  });
  return names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
}
