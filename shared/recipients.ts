/** The signed list of keys that a hotline's reports are encrypted to; checked against the pin from the invite. */

import { z } from "zod";
import { type Bytes, equalBytes, sha256, utf8Of } from "./bytes.ts";
import { openEnvelope, parseEnvelope, signEnvelope } from "./envelope.ts";
import { Kid } from "./ids.ts";
import { parseJcs } from "./jcs.ts";
import { isSmallOrder, PublicJwk, SealingJwk, type SigningKey, thumbprint } from "./keys.ts";
import { ExchangeError } from "./problem.ts";
import { RECIPIENTS_MAX } from "./sealed.ts";

export const AGENT_PIN_BYTES = 16;

export const Recipient = z.strictObject({
  kid: Kid,
  jwk: SealingJwk,
  role: z.enum(["agent", "analyst"]),
  person: z.string().min(1).max(64).optional(),
});
export type Recipient = z.infer<typeof Recipient>;

export const RecipientList = z.strictObject({
  hotline: z.string().min(1).max(100),
  version: z.int().min(1),
  iat: z.int().min(0),
  /** the agent's signing key: the pin names it, the signature is by it */
  signing_key: PublicJwk,
  recipients: z.array(Recipient).min(1).max(RECIPIENTS_MAX),
});
export type RecipientList = z.infer<typeof RecipientList>;

export type OpenedRecipients = { list: RecipientList; bytes: Uint8Array; kid: Kid };

/** What an invite carries of the agent's key: the first {@link AGENT_PIN_BYTES} bytes of SHA-256 over its kid. */
export async function agentPin(kid: string): Promise<Bytes> {
  return (await sha256(utf8Of(kid))).slice(0, AGENT_PIN_BYTES);
}

/** @throws ExchangeError `recipients_invalid` when the list breaks a rule that its readers check */
export async function signRecipients(list: RecipientList, agentKey: SigningKey): Promise<Bytes> {
  await checkList(list, agentKey.kid);
  return signEnvelope("bw-recipients+jws", list, [agentKey]);
}

/**
 * Verifies a list by the pin (a device) or by the agent's key itself (the exchange, the console).
 *
 * The key stands in the payload, which is read before the signature is checked for this one member only: it is
 * believed when its thumbprint fits the pin, and the signature is then checked with it.
 *
 * @param trust.afterVersion - newest version seen before; an older list would bring back a key that was taken off
 * @throws ExchangeError `recipients_invalid`, `recipients_version`, or what {@link openEnvelope} throws
 */
export async function openRecipients(
  bytes: Uint8Array,
  trust: ({ pin: Uint8Array } | { signingKey: PublicJwk }) & { afterVersion?: number },
): Promise<OpenedRecipients> {
  const claimed = claimedKey(bytes);
  const kid = await thumbprint(claimed);
  const trusted =
    "pin" in trust ? equalBytes(await agentPin(kid), trust.pin) : (await thumbprint(trust.signingKey)) === kid;
  if (!trusted) throw new ExchangeError("recipients_invalid", { reason: "pin" });
  const { payload } = await openEnvelope(bytes, "bw-recipients+jws", new Map([[kid, claimed]]), 1);
  const list = RecipientList.parse(payload); // its shape was checked in claimedKey, over the same bytes
  await checkList(list, kid);
  if (trust.afterVersion !== undefined && list.version < trust.afterVersion) {
    throw new ExchangeError("recipients_version", { have: trust.afterVersion, got: list.version });
  }
  return { list, bytes, kid };
}

function claimedKey(bytes: Uint8Array): PublicJwk {
  const result = RecipientList.safeParse(parseJcs(parseEnvelope(bytes).payloadBytes));
  if (!result.success) throw new ExchangeError("recipients_invalid", { reason: "shape" });
  return result.data.signing_key;
}

async function checkList(list: RecipientList, agentKid: Kid): Promise<void> {
  const refuse = (reason: string) => new ExchangeError("recipients_invalid", { reason });
  if ((await thumbprint(list.signing_key)) !== agentKid) throw refuse("signing key");
  if (!list.recipients.some(({ role }) => role === "agent")) throw refuse("no agent");
  if (new Set(list.recipients.map(({ kid }) => kid)).size !== list.recipients.length) throw refuse("kid twice");
  for (const { kid, jwk } of list.recipients) {
    if (isSmallOrder(jwk.x, "X25519")) throw refuse("small order");
    if ((await thumbprint(jwk)) !== kid) throw refuse("kid");
  }
}
