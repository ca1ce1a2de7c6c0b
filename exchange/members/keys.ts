/** A member's API keys: made and shown once, kept as a digest, rotated with an overlap, revoked at once. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { and, count, desc, eq, gt, isNull } from "drizzle-orm";
import { append } from "../audit/index.ts";
import type { Actor, KeyCaller, Scope } from "../platform/caller.ts";
import { type Queries, type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { addressBucket, takeRate } from "../platform/rates.ts";
import { noteTakeAway } from "../platform/take-aways.ts";
import {
  API_KEY_DEFAULT_MS,
  API_KEY_MAX_MS,
  API_KEY_OVERLAP_MS,
  API_KEY_TOUCH_MS,
  API_KEYS_PER_MEMBER,
  KEY_FAILURES,
  KEY_REQUESTS,
} from "./limits.ts";
import { allowedScopes } from "./rights.ts";
import { digestSecret, isSecretOf, newKeyId, newSecret } from "./secrets.ts";
import { callerMemberOf, findKeyRow, findMember } from "./store.ts";
import { type ApiKeyRow, apiKeys, type MemberRow } from "./tables.ts";

const API_KEY = /^bw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

export type MadeKey = { keyId: string; apiKey: string; scopes: Scope[]; expiresAt: Date };
type Making = Pick<Deps, "random"> & { now: Date };

/** @throws ExchangeError `api_key_invalid`, or to its holder `api_key_expired`, `api_key_revoked`; `rate_limited` */
export async function openApiKey(deps: Deps, text: string, address: string | undefined): Promise<KeyCaller> {
  const now = deps.now();
  const [, id = "", secret = ""] = API_KEY.exec(text) ?? [];
  const row = await findKeyRow(deps, id);
  if (!(await isSecretOf(row?.key.secretSha256, secret)) || row === undefined) {
    // Only failures count against an address: one machine's wrong key must not stop another behind the same address.
    await takeRate(deps, KEY_FAILURES, await addressBucket(address, now));
    throw new ExchangeError("api_key_invalid");
  }
  const { key, member } = row;
  if (key.revokedAt !== null) throw new ExchangeError("api_key_revoked");
  if (now >= key.expiresAt) throw new ExchangeError("api_key_expired");
  if (member.suspendedAt !== null) throw new ExchangeError("forbidden", { reason: "suspended" });
  await takeRate(deps, KEY_REQUESTS, key.id);
  if (key.lastUsedAt === null || now.getTime() - key.lastUsedAt.getTime() >= API_KEY_TOUCH_MS) {
    await deps.db.update(apiKeys).set({ lastUsedAt: now }).where(eq(apiKeys.id, key.id));
  }
  return { kind: "key", keyId: key.id, scopes: allowedScopes(member.roles, key.scopes), ...callerMemberOf(member) };
}

export async function createKey(
  deps: Deps,
  actor: Actor,
  name: string,
  wanted: { scopes: Scope[]; expiresAt?: Date | undefined },
): Promise<MadeKey> {
  const now = deps.now();
  return transaction(deps, async (tx) => {
    const member = await getMember(tx, name);
    if (allowedScopes(member.roles, wanted.scopes).length !== wanted.scopes.length) {
      throw new ExchangeError("request_invalid", { fields: ["scopes"] });
    }
    const expiresAt = wanted.expiresAt ?? new Date(now.getTime() + API_KEY_DEFAULT_MS);
    if (expiresAt <= now || expiresAt.getTime() > now.getTime() + API_KEY_MAX_MS) {
      throw new ExchangeError("request_invalid", { fields: ["expires_at"] });
    }
    await checkRoom(tx, member, now);
    const made = await insertKey(tx, { random: deps.random, now }, member.id, { scopes: wanted.scopes, expiresAt });
    await append(tx, { at: now, actor, action: "api_key.created", subject: made.keyId });
    return made;
  });
}

/** A new key with the old one's scopes; the old one works on for the overlap and then ends. */
export async function rotateKey(deps: Deps, actor: Actor, name: string, keyId: string) {
  const now = deps.now();
  return transaction(deps, async (tx) => {
    const member = await getMember(tx, name);
    const old = await lockKey(tx, member, keyId);
    // A second rotation of the same key would leave a third that nobody wrote down.
    if (old.revokedAt !== null || old.replacedBy !== null || now >= old.expiresAt) throw new ExchangeError("conflict");
    await checkRoom(tx, member, now);
    const life = Math.min(API_KEY_MAX_MS, old.expiresAt.getTime() - old.createdAt.getTime());
    const made = await insertKey(tx, { random: deps.random, now }, member.id, {
      scopes: allowedScopes(member.roles, old.scopes),
      expiresAt: new Date(now.getTime() + life),
    });
    const endsAt = new Date(Math.min(old.expiresAt.getTime(), now.getTime() + API_KEY_OVERLAP_MS));
    await tx.db.update(apiKeys).set({ expiresAt: endsAt, replacedBy: made.keyId }).where(eq(apiKeys.id, old.id));
    await append(tx, { at: now, actor, action: "api_key.rotated", subject: old.id });
    await noteTakeAway(deps, { kind: "api_key", id: old.id, ends_at: endsAt.toISOString(), revoked: false });
    return { ...made, previous: { keyId: old.id, expiresAt: endsAt } };
  });
}

/** From the commit on the key opens nothing. Repeating it changes nothing. */
export async function revokeKey(deps: Deps, actor: Actor, name: string, keyId: string): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    const key = await lockKey(tx, await getMember(tx, name), keyId);
    if (key.revokedAt !== null) return;
    await tx.db.update(apiKeys).set({ revokedAt: now }).where(eq(apiKeys.id, key.id));
    await append(tx, { at: now, actor, action: "api_key.revoked", subject: key.id });
    await noteTakeAway(deps, { kind: "api_key", id: key.id, ends_at: now.toISOString(), revoked: true });
  });
}

export async function listKeys(queries: Queries, name: string): Promise<ApiKeyRow[]> {
  const member = await getMember(queries, name);
  return queries.db.select().from(apiKeys).where(eq(apiKeys.memberId, member.id)).orderBy(desc(apiKeys.createdAt));
}

export async function insertKey(
  { db }: Tx,
  { random, now }: Making,
  memberId: string,
  { scopes, expiresAt }: { scopes: Scope[]; expiresAt: Date },
): Promise<MadeKey> {
  const keyId = newKeyId({ random });
  const secret = newSecret({ random });
  await db
    .insert(apiKeys)
    .values({ id: keyId, memberId, secretSha256: await digestSecret(secret), scopes, createdAt: now, expiresAt });
  return { keyId, apiKey: `bw_${keyId}_${secret}`, scopes, expiresAt };
}

async function getMember(queries: Queries, name: string): Promise<MemberRow> {
  const member = await findMember(queries, name);
  if (member === undefined) throw new ExchangeError("not_found");
  return member;
}

async function lockKey({ db }: Tx, member: MemberRow, keyId: string): Promise<ApiKeyRow> {
  const [key] = await db
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.id, keyId), eq(apiKeys.memberId, member.id)))
    .for("update");
  if (key === undefined) throw new ExchangeError("not_found");
  return key;
}

async function checkRoom({ db }: Tx, member: MemberRow, now: Date): Promise<void> {
  const [row] = await db
    .select({ live: count() })
    .from(apiKeys)
    .where(and(eq(apiKeys.memberId, member.id), isNull(apiKeys.revokedAt), gt(apiKeys.expiresAt, now)));
  if ((row?.live ?? 0) >= API_KEYS_PER_MEMBER) throw new ExchangeError("conflict", { max_keys: API_KEYS_PER_MEMBER });
}
