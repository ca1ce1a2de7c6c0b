/** After a restore: the hotline's newest signed list of readers, so that nobody who was taken off it gets new reports. */
import { findBase64url } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openRecipients } from "@breakwater/shared/recipients.ts";
import type { Tx } from "../../platform/db.ts";
import type { NotedTakeAway } from "../../platform/take-aways.ts";
import { findHotline, findNewestList, insertList, insertSealingKey } from "./store.ts";

/** Verified by the hotline's own key, version by version; a list that was noted twice is what was noted last. */
export async function reapplyRecipients(tx: Tx, noted: readonly NotedTakeAway[], now: Date): Promise<void> {
  const lists = noted.filter((one) => one.kind === "recipients");
  const byVersion = new Map(lists.map((list) => [`${list.hotline}/${list.version}`, list]));
  for (const { hotline: hotlineId, version, envelope } of [...byVersion.values()].sort(
    (a, b) => a.version - b.version,
  )) {
    const hotline = await findHotline(tx, hotlineId);
    const newest = await findNewestList(tx, hotlineId);
    // A hotline that registered since registers again; a version that is here already was in the backup.
    if (hotline === undefined || version !== (newest?.version ?? 0) + 1) continue;
    const bytes = findBase64url(envelope);
    if (bytes === undefined) throw new ExchangeError("internal", { reason: "take-away" });
    const { list } = await openRecipients(bytes, { signingKey: hotline.signing_key });
    const kids = list.recipients.map(({ kid }) => kid);
    await insertList(tx, { hotlineId, version, envelope: bytes, kids, at: now });
    for (const { kid, jwk, person } of list.recipients) {
      const [known] = await tx.sql`select 1 from people where id = ${person ?? ""} and member_id = ${hotlineId}`;
      if (person === undefined || known === undefined) continue;
      await insertSealingKey(tx, { kid, hotlineId, personId: person, jwk, at: now });
    }
  }
}
