/** Encrypts a case note to the hotline's listed keys, so that the exchange's operator cannot read it. */
import { ENVELOPE_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import type { PublicJwk } from "@breakwater/shared/keys.ts";
import { openRecipients, type RecipientList } from "@breakwater/shared/recipients.ts";
import { type SealedJwe, sealNote as sealNoteFor } from "@breakwater/shared/sealed.ts";
import { SealingKeysAnswer } from "@breakwater/shared/wire/hotline.ts";
import { get, getBytes } from "../api.ts";
import { keepKey, readKey } from "./vault.ts";

/**
 * The hotline's signed list of keys. The agent's key is pinned in this browser the first time it is seen, so that the
 * exchange cannot put another list in its place later.
 *
 * @throws Error when the hotline has no agent, or the list is not by the pinned one
 */
export async function listedKeys(): Promise<RecipientList> {
  const pinned = await readKey<PublicJwk>("agent");
  const answer = pinned ?? (await get("/v1/hotline/sealing-keys", SealingKeysAnswer)).agent?.signing_key;
  if (!answer) throw new Error("the hotline has no agent key yet");
  const bytes = await getBytes("/v1/hotline/recipients", ENVELOPE_MAX_BYTES);
  const { list } = await openRecipients(bytes, { signingKey: answer });
  if (!pinned) await keepKey("agent", answer);
  return list;
}

export async function sealNote(text: string): Promise<SealedJwe> {
  return sealNoteFor((await listedKeys()).recipients, text);
}
