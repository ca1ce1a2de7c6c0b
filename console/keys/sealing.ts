/**
 * The analyst's own X25519 key: made in this browser at first sign-in, never exportable. Only its public half leaves, and
 * reports become readable here once the hotline's agent has listed it.
 */

import { generateSealingKey, type NewSealingKey } from "@breakwater/shared/keys.ts";
import { SealingKeyAnswer } from "@breakwater/shared/wire/hotline.ts";
import { signal } from "@preact/signals";
import { post } from "../api.ts";
import { session } from "../session.ts";
import { keepKey, readKey } from "./vault.ts";

export type SealingState = "unknown" | "waiting" | "listed";
export const sealingState = signal<SealingState>("unknown");

/** One name a person: two people who share a browser profile do not share a key. */
function keyName(): string {
  const person = session.value?.person.id;
  if (!person) throw new Error("nobody is signed in");
  return `sealing:${person}`;
}

export async function sealingKey(): Promise<NewSealingKey> {
  const held = await readKey<NewSealingKey>(keyName());
  return held ?? keepKey(keyName(), await generateSealingKey({ extractable: false }));
}

/** Makes the key if this browser has none and tells the exchange its public half; saying it again changes nothing. */
export async function prepareSealingKey(): Promise<void> {
  const key = await sealingKey();
  const answer = await post("/v1/hotline/sealing-keys", { sealing_key: key.publicJwk }, SealingKeyAnswer);
  sealingState.value = answer.state;
}
