// The key over drafts: what was typed and where it was seen. Without a passphrase it is a key of this browser profile;
// with one it is wrapped (PBKDF2, 600,000 rounds) and, while unlocked, held in the browser's memory only.
import { base64urlOf, findBase64url } from "@breakwater/shared/bytes.ts";
import { z } from "zod";
import type { Change, Database } from "../database.ts";
import { openRecord, type SealedRecord, sealRecord } from "./sealed-record.ts";

export const PBKDF2_ROUNDS = 600_000;
export const PASSPHRASE_MIN_CHARS = 10;
export const TRIES_MAX = 5;
/** After the last wrong try: long enough to make guessing at the desk pointless, short enough for a bad night. */
export const WAIT_AFTER_TRIES_MS = 10 * 60_000;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const IV_BYTES = 12;
const AES = { name: "AES-GCM", length: 256 } as const;
const VAULT = "vault";
const TRIES = "tries";

/** Memory that outlives the worker but not the browser; in both browsers closed to pages and content scripts. */
export type SessionMemory = {
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  remove(name: string): Promise<void>;
};

const bytes = z.instanceof(Uint8Array) as z.ZodType<Uint8Array<ArrayBuffer>>;
const Held = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("open"), key: z.instanceof(CryptoKey) }),
  z.object({
    kind: z.literal("wrapped"),
    salt: bytes,
    iv: bytes,
    rounds: z.number().int().min(PBKDF2_ROUNDS),
    body: z.instanceof(ArrayBuffer),
  }),
]);
const Tries = z.object({ wrong: z.number().int().min(0), wait_until: z.number() });

export type VaultState = { state: "open"; key: CryptoKey; guarded: boolean } | { state: "locked" };
export type UnlockResult = { ok: true } | { ok: false; triesLeft: number; waitUntil?: number };
export type Vault = { db: Database; memory: SessionMemory; now: () => number };

function importRaw(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, AES, false, ["encrypt", "decrypt"]);
}

async function wrappingKey(passphrase: string, salt: Uint8Array<ArrayBuffer>, rounds: number): Promise<CryptoKey> {
  const typed = new TextEncoder().encode(passphrase.normalize("NFC")) as Uint8Array<ArrayBuffer>;
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveKey"]);
  typed.fill(0);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds };
  return crypto.subtle.deriveKey(derivation, base, AES, false, ["encrypt", "decrypt"]);
}

export async function openVault({ db, memory }: Vault): Promise<VaultState> {
  const stored = await db.get("keys", VAULT);
  if (stored === undefined) {
    const key = await crypto.subtle.generateKey(AES, false, ["encrypt", "decrypt"]);
    await db.write([{ store: "keys", key: VAULT, value: { kind: "open", key } }]);
    return { state: "open", key, guarded: false };
  }
  const held = Held.parse(stored);
  if (held.kind === "open") return { state: "open", key: held.key, guarded: false };
  const raw = findBase64url((await memory.get(VAULT)) ?? "");
  if (raw?.byteLength !== KEY_BYTES) return { state: "locked" };
  return { state: "open", key: await importRaw(raw), guarded: true };
}

export async function unlock(vault: Vault, passphrase: string): Promise<UnlockResult> {
  const held = Held.parse(await vault.db.get("keys", VAULT));
  if (held.kind === "open") return { ok: true };
  const tries = Tries.parse((await vault.db.get("meta", TRIES)) ?? { wrong: 0, wait_until: 0 });
  if (vault.now() < tries.wait_until) return { ok: false, triesLeft: 0, waitUntil: tries.wait_until };
  // Counted before the attempt: closing the panel half-way through does not give the try back.
  const wrong = tries.wrong + 1;
  const spent = wrong >= TRIES_MAX;
  const counted = spent ? { wrong: 0, wait_until: vault.now() + WAIT_AFTER_TRIES_MS } : { wrong, wait_until: 0 };
  await vault.db.write([{ store: "meta", key: TRIES, value: counted }]);
  const wrapping = await wrappingKey(passphrase, held.salt, held.rounds);
  try {
    const raw = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: held.iv }, wrapping, held.body));
    await vault.memory.set(VAULT, base64urlOf(raw));
    raw.fill(0);
  } catch {
    // AES-GCM says only that the tag does not fit, which here means: another passphrase.
    return spent
      ? { ok: false, triesLeft: 0, waitUntil: counted.wait_until }
      : { ok: false, triesLeft: TRIES_MAX - wrong };
  }
  await vault.db.write([{ store: "meta", key: TRIES, value: undefined }]);
  return { ok: true };
}

/** Nothing to lock without a passphrase; says which. */
export async function lock({ db, memory }: Vault): Promise<boolean> {
  await memory.remove(VAULT);
  const stored = await db.get("keys", VAULT);
  return stored !== undefined && Held.parse(stored).kind === "wrapped";
}

/**
 * Sets, changes or (undefined) removes the passphrase. The key is a new one and every draft is written anew under it,
 * in the transaction that replaces the key: a stop in between leaves the old state whole.
 */
export async function changePassphrase(vault: Vault, passphrase: string | undefined): Promise<void> {
  const before = await openVault(vault);
  if (before.state === "locked") throw new Error("locked");
  const raw = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const key = await importRaw(raw);
  const changes = await reseal(vault.db, before.key, key);
  if (passphrase === undefined) {
    changes.push({ store: "keys", key: VAULT, value: { kind: "open", key } });
    await vault.db.write(changes);
    await vault.memory.remove(VAULT);
  } else {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const wrapping = await wrappingKey(passphrase, salt, PBKDF2_ROUNDS);
    const body = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, wrapping, raw);
    changes.push({ store: "keys", key: VAULT, value: { kind: "wrapped", salt, iv, rounds: PBKDF2_ROUNDS, body } });
    // Memory first: were the browser to stop between the two, the stale memory dies with it.
    await vault.memory.set(VAULT, base64urlOf(raw));
    await vault.db.write(changes);
  }
  raw.fill(0);
}

export type DraftRecord = SealedRecord & { id: string; at: number };

async function reseal(db: Database, from: CryptoKey, to: CryptoKey): Promise<Change[]> {
  const changes: Change[] = [];
  for (const record of (await db.list("drafts")) as DraftRecord[]) {
    const place = `drafts/${record.id}`;
    const sealed = await sealRecord(to, place, await openRecord(from, place, record));
    changes.push({ store: "drafts", key: record.id, value: { ...sealed, id: record.id, at: record.at } });
  }
  return changes;
}
