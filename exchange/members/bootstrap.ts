/** The first operator of an empty exchange: the one member that no operator admits. Called from the machine, never over HTTP. */
import { append } from "../audit/index.ts";
import { SYSTEM_ACTOR } from "../platform/caller.ts";
import { type Sql, transaction } from "../platform/db.ts";
import { newRowId } from "../platform/ids.ts";
import { insertKey } from "./keys.ts";
import { API_KEY_DEFAULT_MS } from "./limits.ts";
import { insertMember } from "./members.ts";
import { findMember } from "./store.ts";
import { people } from "./tables.ts";

export const OPERATOR_NAME = "operator";

/**
 * Makes the member `operator` with one person when it is not there, and a new operator key each time.
 *
 * @returns the key, shown here once, and the person that a sign-in link can be made for
 */
export async function bootstrapOperator(
  sql: Sql,
  now: Date,
  random: (byteLength: number) => Uint8Array<ArrayBuffer>,
): Promise<{ apiKey: string; keyId: string; personId: string | undefined }> {
  return transaction({ sql }, async (tx) => {
    // Two starts at once must not make two operators.
    await tx.sql`select pg_advisory_xact_lock(7201412)`;
    const existing = await findMember(tx, OPERATOR_NAME);
    let personId: string | undefined;
    const member =
      existing ??
      (await insertMember(
        tx,
        { random },
        { name: OPERATOR_NAME, title: "Operator", roles: ["operator"], tier: "vetted", rung3: false, now },
      ));
    if (existing === undefined) {
      personId = newRowId({ random });
      await tx.db.insert(people).values({
        id: personId,
        memberId: member.id,
        name: "Operator",
        roles: ["operator", "administrator"],
        createdAt: now,
      });
      await append(tx, { at: now, actor: SYSTEM_ACTOR, action: "member.created", subject: member.id });
    } else {
      const [row] = await tx.sql<{ id: string }[]>`
        select id from people where member_id = ${member.id} and removed_at is null order by created_at limit 1`;
      personId = row?.id;
    }
    const key = await insertKey(tx, { random, now }, member.id, {
      scopes: ["operator", "read"],
      expiresAt: new Date(now.getTime() + API_KEY_DEFAULT_MS),
    });
    await append(tx, { at: now, actor: SYSTEM_ACTOR, action: "api_key.created", subject: key.keyId });
    return { apiKey: key.apiKey, keyId: key.keyId, personId };
  });
}
