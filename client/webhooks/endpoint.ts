/** Where this member wants to be told of what is taken back: an address that its operator chose, and the secret that signs. */

import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { readPrivateFile, writePrivateFile } from "../profile/private-files.ts";

const SECRET_BYTES = 32;
/** Standard Webhooks: 24 to 64 bytes, in base64, after the prefix. */
const SECRET_PATTERN = /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/;
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;
const URL_MAX_CHARS = 2048;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

const EndpointFile = z.strictObject({ v: z.literal(1), url: z.string().max(URL_MAX_CHARS), secret: z.string() });
export type Endpoint = Pick<z.infer<typeof EndpointFile>, "url" | "secret">;

function endpointPath(profileDir: string): string {
  return join(profileDir, "webhook.json");
}

/** @throws ExchangeError `profile_invalid`: an endpoint that cannot be read is not no endpoint */
export async function findEndpoint(profileDir: string): Promise<Endpoint | undefined> {
  const bytes = await readPrivateFile(endpointPath(profileDir));
  if (bytes === undefined) return undefined;
  try {
    const { url, secret } = EndpointFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return { url: parseEndpointUrl(url), secret: parseSecret(secret) };
  } catch {
    // The cause quotes the file, and the file holds a secret.
    throw new ExchangeError("profile_invalid", { reason: "webhook" });
  }
}

export async function writeEndpoint(profileDir: string, endpoint: Endpoint): Promise<void> {
  await writePrivateFile(endpointPath(profileDir), `${JSON.stringify({ v: 1, ...endpoint }, null, 2)}\n`);
}

export async function removeEndpoint(profileDir: string): Promise<void> {
  await rm(endpointPath(profileDir), { force: true });
}

/** https, or plain http on this machine: what is told is nobody else's. @throws ExchangeError `usage_invalid` */
export function parseEndpointUrl(text: string): string {
  if (text.length > URL_MAX_CHARS || !URL.canParse(text))
    throw new ExchangeError("usage_invalid", { reason: "webhook_url" });
  const url = new URL(text);
  const plain = url.protocol === "http:" && LOOPBACK.test(url.hostname);
  if (url.protocol !== "https:" && !plain) throw new ExchangeError("usage_invalid", { reason: "webhook_url_insecure" });
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw new ExchangeError("usage_invalid", { reason: "webhook_url" });
  }
  return url.href;
}

/** @throws ExchangeError `usage_invalid` */
export function parseSecret(text: string): string {
  const bytes = Buffer.from(text.slice("whsec_".length), "base64").length;
  if (!SECRET_PATTERN.test(text) || bytes < SECRET_BYTES_MIN || bytes > SECRET_BYTES_MAX) {
    throw new ExchangeError("usage_invalid", { reason: "webhook_secret" });
  }
  return text;
}

export function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`;
}
