/** Lookups of members and of what hangs on them, shared by the slice's rules and exported to other slices. */
import { and, eq, inArray, isNull, ne, sql as raw } from "drizzle-orm";
import type { CallerMember, MemberRole } from "../platform/caller.ts";
import type { Queries, Tx } from "../platform/db.ts";
import type { SignerJwk } from "../platform/signer.ts";
import { apiKeys, type DeviceRow, devices, type MemberRow, members, people } from "./tables.ts";

export async function findMember({ db }: Queries, name: string): Promise<MemberRow | undefined> {
  return (await db.select().from(members).where(eq(members.name, name)))[0];
}

export async function findMemberById({ db }: Queries, id: string): Promise<MemberRow | undefined> {
  return (await db.select().from(members).where(eq(members.id, id)))[0];
}

export async function findMemberByPublisher({ db }: Queries, publisher: string): Promise<MemberRow | undefined> {
  return (await db.select().from(members).where(eq(members.publisher, publisher)))[0];
}

/** Those of the names that are members; for audiences. */
export async function findMembersByName({ db }: Queries, names: readonly string[]): Promise<MemberRow[]> {
  return names.length === 0
    ? []
    : db
        .select()
        .from(members)
        .where(inArray(members.name, [...names]));
}

export async function listMembers({ db }: Queries): Promise<(MemberRow & { hotline: string | null })[]> {
  const rows = await db.select().from(members).orderBy(members.name);
  const names = new Map(rows.map((row) => [row.id, row.name]));
  return rows.map((row) => ({ ...row, hotline: row.hotlineId === null ? null : (names.get(row.hotlineId) ?? null) }));
}

/** A device and the member it belongs to, by the thumbprint of its key. */
export async function findDeviceRow(
  { db }: Queries,
  kid: string,
): Promise<{ device: DeviceRow; member: MemberRow } | undefined> {
  const rows = await db
    .select({ device: devices, member: members })
    .from(devices)
    .innerJoin(members, eq(members.id, devices.memberId))
    .where(eq(devices.kid, kid));
  return rows[0];
}

export async function findKeyRow({ db }: Queries, id: string) {
  const rows = await db
    .select({ key: apiKeys, member: members })
    .from(apiKeys)
    .innerJoin(members, eq(members.id, apiKeys.memberId))
    .where(eq(apiKeys.id, id));
  return rows[0];
}

export async function findPersonRow({ db }: Queries, id: string) {
  const rows = await db
    .select({ person: people, member: members })
    .from(people)
    .innerJoin(members, eq(members.id, people.memberId))
    .where(and(eq(people.id, id), isNull(people.removedAt)));
  return rows[0];
}

/** The names of people, removed ones too; for a case's steps. */
export async function listPeopleNames({ db }: Queries, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select({ id: people.id, name: people.name })
    .from(people)
    .where(inArray(people.id, [...ids]));
  return new Map(rows.map((row) => [row.id, row.name]));
}

export async function listMemberTitles(
  { db }: Queries,
  ids: readonly string[],
): Promise<Map<string, { name: string; title: string }>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select()
    .from(members)
    .where(inArray(members.id, [...ids]));
  return new Map(rows.map(({ id, name, title }) => [id, { name, title }]));
}

export type FoundPublisher = {
  memberId: string;
  name: string;
  title: string;
  roles: MemberRole[];
  custody: "member" | "exchange";
  suspended: boolean;
};

export async function findPublisher(queries: Queries, publisher: string): Promise<FoundPublisher | undefined> {
  return (await listPublishers(queries, [publisher])).get(publisher);
}

/** Those of the names that are publishers, by publisher name. */
export async function listPublishers(
  { db }: Queries,
  publishers: readonly string[],
): Promise<Map<string, FoundPublisher>> {
  if (publishers.length === 0) return new Map();
  const rows = await db
    .select()
    .from(members)
    .where(inArray(members.publisher, [...publishers]));
  return new Map(
    rows.flatMap(({ id, name, title, roles, publisher, custody, suspendedAt }) =>
      publisher === null || custody === null
        ? []
        : [[publisher, { memberId: id, name, title, roles, custody, suspended: suspendedAt !== null }] as const],
    ),
  );
}

/** Somebody who may approve for the member: its own administrator first, else its hotline's. */
export async function findAdministratorName({ db }: Queries, member: MemberRow): Promise<string | undefined> {
  const ids = member.hotlineId === null ? [member.id] : [member.id, member.hotlineId];
  const rows = await db
    .select({ name: people.name, memberId: people.memberId })
    .from(people)
    .where(and(inArray(people.memberId, ids), isNull(people.removedAt), raw`'administrator' = any(${people.roles})`))
    .orderBy(people.createdAt);
  return (rows.find((row) => row.memberId === member.id) ?? rows[0])?.name;
}

/** The agent's signing key, which devices check the list of recipients by. Set once: a device pins it at enrolment. */
export async function setAgentKey({ db }: Tx, memberId: string, key: SignerJwk): Promise<boolean> {
  const rows = await db
    .update(members)
    .set({ agentSigningKey: key })
    .where(and(eq(members.id, memberId), isNull(members.agentSigningKey)))
    .returning({ id: members.id });
  return rows.length === 1;
}

/** Who holds the publisher's release key, as its newest root says it: what the directory and the catalogue show. */
export async function setCustody({ db }: Tx, publisher: string, custody: FoundPublisher["custody"]): Promise<void> {
  await db
    .update(members)
    .set({ custody })
    .where(and(eq(members.publisher, publisher), ne(members.custody, custody)));
}

export function callerMemberOf(member: MemberRow): CallerMember {
  return {
    memberId: member.id,
    member: member.name,
    memberRoles: member.roles,
    tier: member.tier,
    publisher: member.publisher ?? undefined,
    hotlineId: isHotline(member.roles) ? member.id : (member.hotlineId ?? undefined),
  };
}

export function isHotline(roles: readonly MemberRole[]): boolean {
  return roles.includes("hotline");
}
