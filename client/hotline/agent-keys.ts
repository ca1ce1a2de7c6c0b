/** The agent's own keys: one signs the list of recipients, one opens reports, one digests addresses for the devices. */

import { join } from "node:path";
import { base64urlOf, findBase64url } from "@breakwater/shared/bytes.ts";
import { randomBytes } from "@breakwater/shared/ids.ts";
import { generateSealingKey, PrivateSealingJwk, type SealingJwk, thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { SEALING_ALG } from "@breakwater/shared/sealed.ts";
import { importJWK } from "jose";
import { createSigningKeyFile, type KeyFile, keyPath, listSigningKeys } from "../profile/key-files.ts";
import { createPrivateFile, readPrivateFile } from "../profile/private-files.ts";

export const URL_KEY_BYTES = 32;

export type AgentKeys = {
  signing: KeyFile;
  sealing: { kid: string; publicJwk: SealingJwk; privateKey: CryptoKey };
  /** Given to the hotline's devices in their invites, never to an exchange. */
  urlKey: Uint8Array;
};

/** Makes the keys that are not there yet; a second call gives the same. */
export async function createAgentKeys(profileDir: string): Promise<AgentKeys> {
  if ((await listSigningKeys(profileDir, "agent-signing")).length === 0)
    await createSigningKeyFile(profileDir, "agent-signing");
  if ((await readPrivateFile(sealingPath(profileDir))) === undefined) {
    const { privateJwk } = await generateSealingKey({ extractable: true });
    await createPrivateFile(sealingPath(profileDir), `${JSON.stringify(privateJwk)}\n`);
  }
  if ((await readPrivateFile(urlKeyPath(profileDir))) === undefined) {
    await createPrivateFile(urlKeyPath(profileDir), `${base64urlOf(randomBytes(URL_KEY_BYTES))}\n`);
  }
  return openAgentKeys(profileDir);
}

/** @throws ExchangeError `key_invalid` when one is missing or is not a key */
export async function openAgentKeys(profileDir: string): Promise<AgentKeys> {
  const signing = (await listSigningKeys(profileDir, "agent-signing"))[0];
  const sealing = PrivateSealingJwk.safeParse(parseJson(await readText(sealingPath(profileDir))));
  const urlKey = findBase64url(((await readText(urlKeyPath(profileDir))) ?? "").trim());
  if (signing === undefined || !sealing.success || urlKey?.length !== URL_KEY_BYTES) {
    throw new ExchangeError("key_invalid", { reason: "agent_keys" });
  }
  const { d: _, ...publicJwk } = sealing.data;
  const privateKey = (await importJWK(sealing.data, SEALING_ALG)) as CryptoKey;
  return { signing, sealing: { kid: await thumbprint(publicJwk), publicJwk, privateKey }, urlKey };
}

async function readText(path: string): Promise<string | undefined> {
  const bytes = await readPrivateFile(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined; // the engine's message would quote a private key
  }
}

function sealingPath(profileDir: string): string {
  return keyPath(profileDir, "agent-sealing");
}

function urlKeyPath(profileDir: string): string {
  return join(profileDir, "keys", "agent-url.key");
}
