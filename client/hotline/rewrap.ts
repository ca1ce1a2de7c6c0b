/** Older reports for newer colleagues: opened with the agent's key and sealed again for one approved key. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { RecipientList } from "@breakwater/shared/recipients.ts";
import { openSealed, resealFor } from "@breakwater/shared/sealed.ts";
import type { MissingSeal } from "@breakwater/shared/wire/hotline.ts";
import { type AgentContext, approvedKey } from "./recipients.ts";

/** The exchange hands out a page at a time; more than this many in a row would be a loop. */
const PAGES_MAX = 1_000;

export type Rewrapped = { sealed: number; refused: number };

/**
 * Seals for whoever is on the list and cannot read yet.
 *
 * The key that is sealed to comes from the agent's own signed list, never from the exchange's question: the exchange
 * must not be able to name a reader.
 */
export async function rewrapMissing(context: AgentContext, list: RecipientList): Promise<Rewrapped> {
  const done: Rewrapped = { sealed: 0, refused: 0 };
  const refused = new Set<string>();
  for (let page = 0; page < PAGES_MAX; page++) {
    const missing = (await context.hotline.listMissingSeals()).filter((seal) => !refused.has(nameOf(seal)));
    if (missing.length === 0) break;
    for (const seal of missing) {
      if (await rewrapOne(context, list, seal)) done.sealed++;
      else refused.add(nameOf(seal));
    }
  }
  return { ...done, refused: refused.size };
}

async function rewrapOne({ hotline, keys }: AgentContext, list: RecipientList, seal: MissingSeal): Promise<boolean> {
  try {
    const jwk = approvedKey(list, seal.kid);
    const { plaintext } = await openSealed(seal.sealed, keys.sealing.privateKey, keys.sealing.kid, seal.sealed_digest);
    const jwe = await resealFor(plaintext, { kid: seal.kid, jwk });
    plaintext.fill(0);
    await hotline.putSeal(seal.report_id, { kid: seal.kid, jwe });
    return true;
  } catch (error) {
    // One report that cannot be opened must not keep the others closed; the count is told, the text never.
    if (error instanceof ExchangeError && (error.code === "sealed_invalid" || error.code === "recipients_invalid"))
      return false;
    throw error;
  }
}

function nameOf({ report_id, kid }: MissingSeal): string {
  return `${report_id} ${kid}`;
}
