/** People at the console: a one-time link becomes a session, which ends by idleness, by age, or by its person's hand. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { and, eq, gt, isNull } from "drizzle-orm";
import { append } from "../audit/index.ts";
import { type Actor, actorOf, type PersonCaller } from "../platform/caller.ts";
import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { newRowId } from "../platform/ids.ts";
import { addressBucket, takeRate } from "../platform/rates.ts";
import { SESSION_ABSOLUTE_MS, SESSION_IDLE_MS, SESSION_TOUCH_MS, SIGN_IN_LINK_MS, SIGN_IN_TRIES } from "./limits.ts";
import { allowedRoles } from "./rights.ts";
import { digestSecret, newSecret } from "./secrets.ts";
import { callerMemberOf, findMemberById, findPersonRow } from "./store.ts";
import { members, people, sessions, signInLinks } from "./tables.ts";

export const SESSION_COOKIE = "bw_session";
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Another link for the same person ends the ones before it. */
export async function createSignInLink(
  deps: Deps,
  actor: Actor,
  personId: string,
): Promise<{ url: string; expiresAt: Date }> {
  const now = deps.now();
  const token = newSecret(deps);
  const tokenSha256 = await digestSecret(token);
  const expiresAt = new Date(now.getTime() + SIGN_IN_LINK_MS);
  await transaction(deps, async (tx) => {
    const found = await findPersonRow(tx, personId);
    if (found === undefined || found.member.suspendedAt !== null) throw new ExchangeError("not_found");
    await tx.db.delete(signInLinks).where(and(eq(signInLinks.personId, personId), isNull(signInLinks.usedAt)));
    await tx.db.insert(signInLinks).values({ tokenSha256, personId, createdAt: now, expiresAt });
    await append(tx, { at: now, actor, action: "sign_in_link.created", subject: personId });
  });
  return { url: `${deps.config.origin}/sign-in#${token}`, expiresAt };
}

/** @throws ExchangeError `sign_in_link_invalid`, the same for unknown, used and old; `rate_limited` */
export async function startSession(deps: Deps, token: string, address: string | undefined) {
  const now = deps.now();
  await takeRate(deps, SIGN_IN_TRIES, await addressBucket(address, now));
  const tokenSha256 = await digestSecret(token);
  const cookie = newSecret(deps);
  const cookieSha256 = await digestSecret(cookie);
  return transaction(deps, async (tx) => {
    // One statement takes the link, so of two requests with it one gets nothing.
    const [link] = await tx.db
      .update(signInLinks)
      .set({ usedAt: now })
      .where(and(eq(signInLinks.tokenSha256, tokenSha256), isNull(signInLinks.usedAt), gt(signInLinks.expiresAt, now)))
      .returning({ personId: signInLinks.personId });
    const found = link && (await findPersonRow(tx, link.personId));
    if (found === undefined || found.member.suspendedAt !== null) throw new ExchangeError("sign_in_link_invalid");
    const expiresAt = new Date(now.getTime() + SESSION_ABSOLUTE_MS);
    const id = newRowId(deps);
    await tx.db.insert(sessions).values({
      id,
      tokenSha256: cookieSha256,
      personId: found.person.id,
      createdAt: now,
      lastSeenAt: now,
      expiresAt,
    });
    await append(tx, {
      at: now,
      actor: { kind: "person", id: found.person.id },
      action: "session.started",
      subject: id,
    });
    return { cookie, expiresAt, person: found.person, member: found.member };
  });
}

/** @throws ExchangeError `session_expired`, whatever ended it */
export async function openSession(deps: Deps, token: string): Promise<PersonCaller> {
  const now = deps.now();
  const tokenSha256 = await digestSecret(TOKEN.test(token) ? token : "");
  const [row] = await deps.db
    .select({ session: sessions, person: people, member: members })
    .from(sessions)
    .innerJoin(people, eq(people.id, sessions.personId))
    .innerJoin(members, eq(members.id, people.memberId))
    .where(
      and(
        eq(sessions.tokenSha256, tokenSha256),
        gt(sessions.expiresAt, now),
        isNull(people.removedAt),
        isNull(members.suspendedAt),
      ),
    );
  if (row === undefined) throw new ExchangeError("session_expired");
  const { session, person, member } = row;
  const idleMs = now.getTime() - session.lastSeenAt.getTime();
  if (idleMs >= SESSION_IDLE_MS) throw new ExchangeError("session_expired");
  if (idleMs >= SESSION_TOUCH_MS)
    await deps.db.update(sessions).set({ lastSeenAt: now }).where(eq(sessions.id, session.id));
  return {
    kind: "person",
    personId: person.id,
    personName: person.name,
    roles: allowedRoles(member.roles, person.roles),
    sessionId: session.id,
    ...callerMemberOf(member),
  };
}

export async function endSession(deps: Deps, caller: PersonCaller): Promise<void> {
  await transaction(deps, async (tx) => {
    await tx.db.delete(sessions).where(eq(sessions.id, caller.sessionId));
    await append(tx, { at: deps.now(), actor: actorOf(caller), action: "session.ended", subject: caller.sessionId });
  });
}

/** What the console shows of the session: names, which no log gets. */
export async function describeSession(deps: Deps, caller: PersonCaller) {
  const member = await findMemberById(deps, caller.memberId);
  const [session] = await deps.db
    .select({ expiresAt: sessions.expiresAt })
    .from(sessions)
    .where(eq(sessions.id, caller.sessionId));
  if (member === undefined || session === undefined) throw new ExchangeError("session_expired");
  return { member, expiresAt: session.expiresAt };
}
