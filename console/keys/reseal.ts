/** Passes reports on to a colleague's newly listed key, so that a newcomer can read what came before. */
import { openSealed, resealFor } from "@breakwater/shared/sealed.ts";
import { MissingSealsAnswer } from "@breakwater/shared/wire/hotline.ts";
import { act, get } from "../api.ts";
import { listedKeys } from "./note.ts";
import { sealingKey } from "./sealing.ts";

/**
 * @returns how many copies were made. Only keys of the agent's signed list get one, whatever the exchange asks for; a
 *   report that this browser cannot open is left for another colleague or the agent.
 */
export async function resealForColleagues(number: number): Promise<number> {
  const { missing } = await get(`/v1/hotline/cases/${number}/seals/missing`, MissingSealsAnswer);
  if (missing.length === 0) return 0;
  const [own, list] = await Promise.all([sealingKey(), listedKeys()]);
  let made = 0;
  for (const { report_id, kid, sealed, sealed_digest } of missing) {
    const colleague = list.recipients.find((recipient) => recipient.kid === kid);
    const opened = await openSealed(sealed, own.privateKey, own.kid, sealed_digest).catch(() => undefined);
    if (!colleague || !opened) continue;
    await act("POST", `/v1/hotline/reports/${report_id}/seals`, {
      kid,
      jwe: await resealFor(opened.plaintext, colleague),
    });
    made += 1;
  }
  return made;
}
