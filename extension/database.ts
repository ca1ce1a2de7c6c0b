// The one local database: which stores there are, and whole transactions over them.

export const DATABASE_NAME = "breakwater";
const DATABASE_VERSION = 2;

/** keys: CryptoKeys · meta: enrolment, recipients, tries · drafts, outbox, history, sent: encrypted records. */
export const STORES = ["keys", "meta", "drafts", "outbox", "history", "sent"] as const;
export type StoreName = (typeof STORES)[number];

/** One change of several stores: all of it is written, or none. `value: undefined` removes. */
export type Change = { store: StoreName; key: string; value: unknown };

export type Database = {
  get(store: StoreName, key: string): Promise<unknown>;
  list(store: StoreName): Promise<unknown[]>;
  write(changes: Change[]): Promise<void>;
  close(): void;
};

function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export async function openDatabase(factory: IDBFactory = indexedDB, name = DATABASE_NAME): Promise<Database> {
  const opening = factory.open(name, DATABASE_VERSION);
  opening.onupgradeneeded = () => {
    for (const store of STORES) {
      if (!opening.result.objectStoreNames.contains(store)) opening.result.createObjectStore(store);
    }
  };
  const db = await settle(opening);
  // A newer version in another context must be able to upgrade; this one then opens anew.
  db.onversionchange = () => db.close();
  return {
    get: (store, key) => settle(db.transaction(store, "readonly").objectStore(store).get(key)),
    list: (store) => settle(db.transaction(store, "readonly").objectStore(store).getAll()),
    write: (changes) => writeAll(db, changes),
    close: () => db.close(),
  };
}

function writeAll(db: IDBDatabase, changes: Change[]): Promise<void> {
  if (changes.length === 0) return Promise.resolve();
  const stores = [...new Set(changes.map((change) => change.store))];
  // "strict": a report that we call kept is on the disk, not in a buffer of the system. Typing alone is "relaxed":
  // it is written at every key, and a fast write loses less to a closing panel than a sure one.
  const durability = stores.every((store) => store === "drafts") ? "relaxed" : "strict";
  const transaction = db.transaction(stores, "readwrite", { durability });
  for (const { store, key, value } of changes) {
    if (value === undefined) transaction.objectStore(store).delete(key);
    else transaction.objectStore(store).put(value, key);
  }
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

export async function eraseDatabase(factory: IDBFactory = indexedDB, name = DATABASE_NAME): Promise<void> {
  await settle(factory.deleteDatabase(name));
}
