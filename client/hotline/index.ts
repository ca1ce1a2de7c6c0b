/** A hotline's agent: keys, recipients, seals for newcomers, invites. */

export { type AgentKeys, createAgentKeys, openAgentKeys } from "./agent-keys.ts";
export { createInviteCode, type NewInviteCode } from "./invite.ts";
export { type AgentContext, type Approve, readOwnList, updateRecipients } from "./recipients.ts";
export { type Rewrapped, rewrapMissing } from "./rewrap.ts";
