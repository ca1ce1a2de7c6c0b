/** Invite codes: the exchange learns the secret's digest; what stays between hotline and device stands in the code alone. */

import { base64urlOf, concatBytes, hexOf, sha256, utf8Of } from "@breakwater/shared/bytes.ts";
import { randomBytes } from "@breakwater/shared/ids.ts";
import { agentPin } from "@breakwater/shared/recipients.ts";
import type { Exchange } from "../http/index.ts";
import type { AgentKeys } from "./agent-keys.ts";

const INVITE_ID_BYTES = 16;
const SECRET_BYTES = 32;

export type NewInviteCode = { code: string; inviteId: string; expiresAt: string; state: string };

/**
 * Makes an invite for a device of a member.
 *
 * `bwi_<invite id>_<secret>_<local>`; local = base64url(url key ‖ pin of the agent's signing key): with it the device
 * can digest addresses as its hotline does, and knows whose list of recipients to believe.
 */
export async function createInviteCode(
  operator: Pick<Exchange["operator"], "createInvite">,
  keys: AgentKeys,
  member: string,
): Promise<NewInviteCode> {
  const inviteId = hexOf(randomBytes(INVITE_ID_BYTES));
  const secret = base64urlOf(randomBytes(SECRET_BYTES));
  const invite = await operator.createInvite({
    invite_id: inviteId,
    secret_sha256: hexOf(await sha256(utf8Of(secret))),
    member,
  });
  const local = base64urlOf(concatBytes([keys.urlKey, await agentPin(keys.signing.kid)]));
  return { code: `bwi_${inviteId}_${secret}_${local}`, inviteId, expiresAt: invite.expires_at, state: invite.state };
}
