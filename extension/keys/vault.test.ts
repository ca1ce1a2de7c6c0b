// The vault on an in-memory IndexedDB: what a passphrase guards, what a lock takes away, what a wrong try costs.
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../database.ts";
import { openRecord, sealRecord } from "./sealed-record.ts";
import {
  changePassphrase,
  lock,
  openVault,
  type SessionMemory,
  TRIES_MAX,
  unlock,
  type Vault,
  WAIT_AFTER_TRIES_MS,
} from "./vault.ts";

const PASSPHRASE = "four drawn stones";
let db: Database;
let held: Map<string, string>;
let clock: number;
let vault: Vault;

function memoryOf(map: Map<string, string>): SessionMemory {
  return {
    get: async (name) => map.get(name),
    set: async (name, value) => void map.set(name, value),
    remove: async (name) => void map.delete(name),
  };
}

async function keepDraft(text: string): Promise<void> {
  const state = await openVault(vault);
  if (state.state === "locked") throw new Error("locked");
  const sealed = await sealRecord(state.key, "drafts/a", { text });
  await db.write([{ store: "drafts", key: "a", value: { ...sealed, id: "a", at: 0 } }]);
}

async function readDraft(): Promise<unknown> {
  const state = await openVault(vault);
  if (state.state === "locked") throw new Error("locked");
  return openRecord(state.key, "drafts/a", (await db.get("drafts", "a")) as never);
}

beforeEach(async () => {
  db = await openDatabase(new IDBFactory());
  held = new Map();
  clock = 1_000_000;
  vault = { db, memory: memoryOf(held), now: () => clock };
});

describe("without a passphrase", () => {
  it("is open with a key that cannot be read, and a lock says that there is nothing to lock", async () => {
    const state = await openVault(vault);
    expect(state).toMatchObject({ state: "open", guarded: false });
    if (state.state === "open") await expect(crypto.subtle.exportKey("raw", state.key)).rejects.toThrow();
    expect(await lock(vault)).toBe(false);
    expect((await openVault(vault)).state).toBe("open");
  });
});

describe("with a passphrase", () => {
  beforeEach(async () => {
    await keepDraft("test-term-0001");
    await changePassphrase(vault, PASSPHRASE);
  });

  it("drafts written before are still read, now under the new key", async () => {
    expect(await readDraft()).toEqual({ text: "test-term-0001" });
  });

  it("locked: no key in memory, none in the database that opens anything; unlocked again: nothing lost", async () => {
    expect(await lock(vault)).toBe(true);
    expect(held.size).toBe(0);
    expect(await openVault(vault)).toEqual({ state: "locked" });
    await expect(readDraft()).rejects.toThrow("locked");
    const keys = await db.list("keys");
    expect(keys.some((each) => each instanceof CryptoKey || (each as { key?: unknown }).key instanceof CryptoKey)).toBe(
      false,
    );
    expect(await unlock(vault, PASSPHRASE)).toEqual({ ok: true });
    expect(await readDraft()).toEqual({ text: "test-term-0001" });
  });

  it("counts wrong tries down, then makes one wait, and the right one does not cut the wait short", async () => {
    await lock(vault);
    for (let left = TRIES_MAX - 1; left > 0; left -= 1) {
      expect(await unlock(vault, "wrong")).toEqual({ ok: false, triesLeft: left });
    }
    const until = clock + WAIT_AFTER_TRIES_MS;
    expect(await unlock(vault, "wrong")).toEqual({ ok: false, triesLeft: 0, waitUntil: until });
    expect(await unlock(vault, PASSPHRASE)).toEqual({ ok: false, triesLeft: 0, waitUntil: until });
    clock = until;
    expect(await unlock(vault, PASSPHRASE)).toEqual({ ok: true });
    await lock(vault);
    expect(await unlock(vault, "wrong")).toEqual({ ok: false, triesLeft: TRIES_MAX - 1 });
  });

  it("the same passphrase typed in another Unicode form opens it", async () => {
    await changePassphrase(vault, "pass\u0301word long");
    await lock(vault);
    expect(await unlock(vault, "pas\u015bword long")).toEqual({ ok: true });
  });

  it("removed: open again, drafts kept, the old wrapping gone", async () => {
    await changePassphrase(vault, undefined);
    expect(await openVault(vault)).toMatchObject({ state: "open", guarded: false });
    expect(await readDraft()).toEqual({ text: "test-term-0001" });
    expect(held.size).toBe(0);
  });

  it("cannot be changed while locked", async () => {
    await lock(vault);
    await expect(changePassphrase(vault, "another one here")).rejects.toThrow("locked");
  });
});
