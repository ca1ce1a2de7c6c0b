/** Who can read reports: the list that the agent signs, with itself and the analysts' keys that a person approved. */

import { join } from "node:path";
import type { SealingJwk } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openRecipients, type RecipientList, signRecipients } from "@breakwater/shared/recipients.ts";
import type { SealingKeyRow } from "@breakwater/shared/wire/hotline.ts";
import type { Exchange } from "../http/index.ts";
import { readPrivateFile, writePrivateFile } from "../profile/private-files.ts";
import type { AgentKeys } from "./agent-keys.ts";

export type AgentContext = {
  hotline: Exchange["hotline"];
  profileDir: string;
  /** The hotline's short name at the exchange. */
  member: string;
  keys: AgentKeys;
  now: () => Date;
};

/** Asked for each key that is not on the list yet; the person compares the kid with the analyst's screen. */
export type Approve = (key: SealingKeyRow) => Promise<boolean>;

/**
 * Brings the signed list up to date.
 *
 * What was approved is read from the list that this agent signed last, on its own disk: an exchange that served an
 * older list, or another one, changes nothing here.
 *
 * @returns the list in force, and the keys that still wait for a yes
 */
export async function updateRecipients(
  context: AgentContext,
  approve: Approve,
): Promise<{ list: RecipientList; waiting: SealingKeyRow[]; changed: boolean }> {
  const { hotline, keys } = context;
  const held = await readOwnList(context);
  const { keys: rows, list_version: served } = await hotline.listSealingKeys();
  const approved = new Map(held?.recipients.map(({ kid, jwk }) => [kid as string, jwk]));
  const waiting: SealingKeyRow[] = [];
  const recipients: RecipientList["recipients"] = [ownRecipient(keys)];
  for (const row of rows) {
    if (approved.has(row.kid) || (await approve(row)))
      recipients.push({ kid: row.kid, jwk: row.jwk, role: "analyst", person: row.person });
    else waiting.push(row);
  }
  if (held !== undefined && sameKids(held, recipients) && served >= held.version)
    return { list: held, waiting, changed: false };
  return { list: await putList(context, held, served, recipients), waiting, changed: true };
}

async function putList(
  context: AgentContext,
  held: RecipientList | undefined,
  served: number,
  recipients: RecipientList["recipients"],
): Promise<RecipientList> {
  const { hotline, keys, member } = context;
  // A list that was signed and saved but never arrived is sent again as it is: one version has one text.
  const repeat = held !== undefined && served < held.version && sameKids(held, recipients);
  const version = repeat ? held.version : Math.max(served, held?.version ?? 0) + 1;
  const iat = repeat ? held.iat : Math.floor(context.now().getTime() / 1000);
  const list: RecipientList = { hotline: member, version, iat, signing_key: keys.signing.publicJwk, recipients };
  const envelope = await signRecipients(list, keys.signing);
  await writePrivateFile(listPath(context.profileDir), envelope);
  await hotline.putRecipients(envelope);
  return list;
}

/** The list that this agent signed last. */
export async function readOwnList({
  profileDir,
  keys,
}: Pick<AgentContext, "profileDir" | "keys">): Promise<RecipientList | undefined> {
  const bytes = await readPrivateFile(listPath(profileDir));
  if (bytes === undefined) return undefined;
  return (await openRecipients(bytes, { signingKey: keys.signing.publicJwk })).list;
}

/** @throws ExchangeError `recipients_invalid` for a kid that this agent never approved */
export function approvedKey(list: RecipientList, kid: string): SealingJwk {
  const recipient = list.recipients.find((one) => one.kid === kid);
  if (recipient === undefined) throw new ExchangeError("recipients_invalid", { reason: "not_approved", kid });
  return recipient.jwk;
}

function ownRecipient({ sealing }: AgentKeys): RecipientList["recipients"][number] {
  return { kid: sealing.kid as RecipientList["recipients"][number]["kid"], jwk: sealing.publicJwk, role: "agent" };
}

function sameKids(list: RecipientList, recipients: RecipientList["recipients"]): boolean {
  const kids = (items: RecipientList["recipients"]) =>
    items
      .map(({ kid }) => kid)
      .sort()
      .join();
  return kids(list.recipients) === kids(recipients);
}

function listPath(profileDir: string): string {
  return join(profileDir, "keys", "recipients.jws");
}
