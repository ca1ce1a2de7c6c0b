// The code on an invite: a name and a secret for the exchange, and a part that never leaves this device.
import { type Bytes, findBase64url } from "@breakwater/shared/bytes.ts";
import { AGENT_PIN_BYTES } from "@breakwater/shared/recipients.ts";
import { URL_KEY_BYTES } from "@breakwater/shared/reported-url.ts";

export type Invite = {
  inviteId: string;
  inviteSecret: string;
  /** The hotline's key for digests of addresses, which the exchange must not have. */
  urlKey: Bytes;
  /** Names the hotline's agent: whose list of readers is believed. */
  pin: Bytes;
};

const LOCAL_BYTES = URL_KEY_BYTES + AGENT_PIN_BYTES;
const LOCAL_CHARS = (LOCAL_BYTES / 3) * 4;
// Each part has a fixed length: base64url knows the underscore that parts the three.
const CODE = new RegExp(`^bwi_([0-9a-f]{32})_([0-9A-Za-z_-]{43})_([0-9A-Za-z_-]{${LOCAL_CHARS}})$`);

/** Undefined for anything that is not a code; spaces and line breaks of a letter are forgiven. */
export function findInvite(text: string): Invite | undefined {
  const match = CODE.exec(text.replace(/\s+/g, ""));
  const local = match && findBase64url(match[3] as string);
  if (!match || local?.byteLength !== LOCAL_BYTES) return undefined;
  return {
    inviteId: match[1] as string,
    inviteSecret: match[2] as string,
    urlKey: local.slice(0, URL_KEY_BYTES),
    pin: local.slice(URL_KEY_BYTES),
  };
}

/** An exchange is https; only a build for one machine may name that machine. */
export function findExchangeOrigin(text: string, { localToo }: { localToo: boolean }): string | undefined {
  const typed = text.trim();
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `https://${typed}`;
  if (!URL.canParse(withScheme)) return undefined;
  const url = new URL(withScheme);
  if (url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
  if (url.protocol === "https:") return url.origin;
  const isLocal = url.hostname === "127.0.0.1" || url.hostname === "localhost";
  return localToo && url.protocol === "http:" && isLocal ? url.origin : undefined;
}
