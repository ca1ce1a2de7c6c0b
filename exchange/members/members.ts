/** Organisations and their people: admitted, changed and removed by an operator. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { MemberChange, NewMember } from "@breakwater/shared/wire/members.ts";
import { and, asc, eq, inArray, isNull } from "drizzle-orm";
import { append } from "../audit/index.ts";
import type { Actor, PersonRole } from "../platform/caller.ts";
import { type Queries, type Tx, transaction } from "../platform/db.ts";
import { isUniqueViolation } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import { newRowId } from "../platform/ids.ts";
import { noteTakeAway } from "../platform/take-aways.ts";
import { allowedRoles } from "./rights.ts";
import { findMember, findPersonRow, isHotline } from "./store.ts";
import { type MemberRow, members, type PersonRow, people, sessions, signInLinks } from "./tables.ts";

/** @throws ExchangeError `member_exists` for a name or publisher that is taken */
export async function createMember(
  deps: Deps,
  actor: Actor,
  wanted: NewMember,
): Promise<MemberRow & { hotline: string | null }> {
  const now = deps.now();
  try {
    return await transaction(deps, async (tx) => {
      const hotline = wanted.hotline === undefined ? undefined : await findMember(tx, wanted.hotline);
      if (wanted.hotline !== undefined && (hotline === undefined || !isHotline(hotline.roles))) {
        throw new ExchangeError("request_invalid", { fields: ["hotline"] });
      }
      const row = await insertMember(tx, deps, { ...wanted, hotlineId: hotline?.id, now });
      await append(tx, { at: now, actor, action: "member.created", subject: row.id });
      return { ...row, hotline: hotline?.name ?? null };
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw new ExchangeError("member_exists", {}, { cause: error });
    throw error;
  }
}

export async function insertMember(
  { db }: Tx,
  deps: Pick<Deps, "random">,
  wanted: Omit<NewMember, "hotline"> & { hotlineId?: string | undefined; now: Date },
): Promise<MemberRow> {
  const [row] = await db
    .insert(members)
    .values({
      id: newRowId(deps),
      name: wanted.name,
      title: wanted.title ?? wanted.name,
      roles: wanted.roles,
      tier: wanted.tier,
      publisher: wanted.publisher,
      custody: wanted.publisher === undefined ? undefined : (wanted.custody ?? "member"),
      hotlineId: wanted.hotlineId,
      rung3: wanted.rung3,
      createdAt: wanted.now,
    })
    .returning();
  if (row === undefined) throw new ExchangeError("internal");
  return row;
}

/** A role or tier that is taken away is gone with the commit: rights are read at every use. */
export async function changeMember(deps: Deps, actor: Actor, name: string, change: MemberChange): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    const [member] = await tx.db.select().from(members).where(eq(members.name, name)).for("update");
    if (member === undefined) throw new ExchangeError("not_found");
    // A name that verifies signed sets and reports is not given or taken in passing.
    for (const role of ["publisher", "hotline"] as const) {
      if (change.roles !== undefined && change.roles.includes(role) !== member.roles.includes(role)) {
        throw new ExchangeError("request_invalid", { fields: ["roles"] });
      }
    }
    const { suspended, ...fields } = change;
    const suspendedAt = suspended === undefined ? member.suspendedAt : suspended ? (member.suspendedAt ?? now) : null;
    await tx.db
      .update(members)
      .set({ ...defined(fields), suspendedAt })
      .where(eq(members.id, member.id));
    if (suspended) await endSignIns(tx, await peopleIds(tx, member.id));
    const action = suspended === undefined ? "member.changed" : suspended ? "member.suspended" : "member.resumed";
    await append(tx, { at: now, actor, action, subject: member.id });
    const { id, roles, tier, rung3 } = { ...member, ...defined(fields) };
    await noteTakeAway(deps, { kind: "member_rights", id, roles, tier, rung3 });
    if (suspended) await noteTakeAway(deps, { kind: "member_suspended", id });
  });
}

export async function createPerson(
  deps: Deps,
  actor: Actor,
  memberName: string,
  wanted: { name: string; roles: PersonRole[] },
) {
  const now = deps.now();
  try {
    return await transaction(deps, async (tx) => {
      const member = await findMember(tx, memberName);
      if (member === undefined) throw new ExchangeError("not_found");
      if (allowedRoles(member.roles, wanted.roles).length !== wanted.roles.length) {
        throw new ExchangeError("request_invalid", { fields: ["roles"] });
      }
      const id = newRowId(deps);
      await tx.db
        .insert(people)
        .values({ id, memberId: member.id, name: wanted.name, roles: wanted.roles, createdAt: now });
      await append(tx, { at: now, actor, action: "person.created", subject: id });
      return { personId: id };
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw new ExchangeError("person_exists", {}, { cause: error });
    throw error;
  }
}

export async function listPeople(queries: Queries, memberName: string): Promise<PersonRow[]> {
  const member = await findMember(queries, memberName);
  if (member === undefined) throw new ExchangeError("not_found");
  return queries.db
    .select()
    .from(people)
    .where(and(eq(people.memberId, member.id), isNull(people.removedAt)))
    .orderBy(asc(people.createdAt));
}

/** Sessions and links end in the same transaction; the row stays for what it signed off until its retention. */
export async function removePerson(deps: Deps, actor: Actor, personId: string): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    const found = await findPersonRow(tx, personId);
    if (found === undefined) throw new ExchangeError("not_found");
    await tx.db.update(people).set({ removedAt: now }).where(eq(people.id, personId));
    await endSignIns(tx, [personId]);
    await append(tx, { at: now, actor, action: "person.removed", subject: personId });
    await noteTakeAway(deps, { kind: "person", id: personId });
  });
}

async function peopleIds({ db }: Tx, memberId: string): Promise<string[]> {
  return (await db.select({ id: people.id }).from(people).where(eq(people.memberId, memberId))).map(({ id }) => id);
}

async function endSignIns({ db }: Tx, personIds: string[]): Promise<void> {
  if (personIds.length === 0) return;
  await db.delete(sessions).where(inArray(sessions.personId, personIds));
  await db.delete(signInLinks).where(inArray(signInLinks.personId, personIds));
}

function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
