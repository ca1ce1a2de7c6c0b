/** Where the signer keeps its keys and its last numbers: an object store with compare-and-create, on R2 or in memory. */

export type Stored = { bytes: Uint8Array; etag: string };

/**
 * What the signer needs of a store. A write that returned true is durable; one that returned false wrote nothing,
 * because somebody else was there first. Reads are never stale: a number read too low would be signed twice.
 */
export interface SignerState {
  read(key: string): Promise<Stored | undefined>;
  create(key: string, bytes: Uint8Array): Promise<boolean>;
  replace(key: string, bytes: Uint8Array, etag: string): Promise<boolean>;
}

export function openR2State(bucket: R2Bucket): SignerState {
  return {
    async read(key) {
      const object = await bucket.get(key);
      if (object === null) return undefined;
      return { bytes: new Uint8Array(await object.arrayBuffer()), etag: object.etag };
    },
    async create(key, bytes) {
      return (await bucket.put(key, bytes, { onlyIf: { etagDoesNotMatch: "*" } })) !== null;
    },
    async replace(key, bytes, etag) {
      return (await bucket.put(key, bytes, { onlyIf: { etagMatches: etag } })) !== null;
    },
  };
}

export function openMemoryState(): SignerState {
  const objects = new Map<string, Stored>();
  let writes = 0;
  const write = (key: string, bytes: Uint8Array): true => {
    writes += 1;
    objects.set(key, { bytes: bytes.slice(), etag: String(writes) });
    return true;
  };
  return {
    async read(key) {
      return objects.get(key);
    },
    async create(key, bytes) {
      return objects.has(key) ? false : write(key, bytes);
    },
    async replace(key, bytes, etag) {
      return objects.get(key)?.etag === etag ? write(key, bytes) : false;
    },
  };
}
