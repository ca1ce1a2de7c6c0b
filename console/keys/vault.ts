/** This browser's own secrets: the analyst's sealing key and half-written assessments. Neither can be exported or read by the exchange. */

const DB_NAME = "breakwater-console";
const DB_VERSION = 1;

function openDb(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DB_NAME, DB_VERSION);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("keys");
      opening.result.createObjectStore("drafts");
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function withStore<T>(
  store: "keys" | "drafts",
  mode: IDBTransactionMode,
  run: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  // A key must outlive a power cut; a draft is written with each letter, and only has to outlive the page.
  const durability = store === "keys" ? "strict" : "relaxed";
  const db = await openDb();
  try {
    return await new Promise<T>((resolve, reject) => {
      const tx = db.transaction(store, mode, { durability });
      const request = run(tx.objectStore(store));
      tx.oncomplete = () => resolve(request.result);
      tx.onabort = () => reject(tx.error);
      tx.onerror = () => reject(tx.error);
    });
  } finally {
    db.close();
  }
}

export function readKey<T>(name: string): Promise<T | undefined> {
  return withStore("keys", "readonly", (store) => store.get(name) as IDBRequest<T | undefined>);
}

/** Stores a key unless one of that name is there, and answers the one that is: two tabs end with the same key. */
export async function keepKey<T>(name: string, key: T): Promise<T> {
  try {
    await withStore("keys", "readwrite", (store) => store.add(key, name));
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "ConstraintError") throw error;
  }
  const kept = await readKey<T>(name);
  if (kept === undefined) throw new Error("the browser did not keep the key");
  return kept;
}

type SealedDraft = { iv: Uint8Array<ArrayBuffer>; bytes: ArrayBuffer };

async function draftKey(): Promise<CryptoKey> {
  const held = await readKey<CryptoKey>("draft");
  if (held) return held;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  return keepKey("draft", made);
}

/** Keeps a half-written assessment, encrypted, through reload and a session's end. */
export async function keepDraft(name: string, draft: unknown): Promise<void> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const bytes = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv },
    await draftKey(),
    new TextEncoder().encode(JSON.stringify(draft)),
  );
  await withStore("drafts", "readwrite", (store) => store.put({ iv, bytes } satisfies SealedDraft, name));
}

export async function readDraft<T>(name: string): Promise<T | undefined> {
  const sealed = await withStore(
    "drafts",
    "readonly",
    (store) => store.get(name) as IDBRequest<SealedDraft | undefined>,
  );
  if (!sealed) return undefined;
  const bytes = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv }, await draftKey(), sealed.bytes);
  return JSON.parse(new TextDecoder().decode(bytes)) as T;
}

export async function dropDraft(name: string): Promise<void> {
  await withStore("drafts", "readwrite", (store) => store.delete(name));
}
