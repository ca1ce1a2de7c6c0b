// One record, encrypted: AES-256-GCM, bound to its store and key so that records cannot be swapped.

export type SealedRecord = { iv: Uint8Array<ArrayBuffer>; body: ArrayBuffer };

const IV_BYTES = 12;

function boundTo(place: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(place) as Uint8Array<ArrayBuffer>;
}

/** @param place - store and key, as "outbox/0193…": opening it under another place fails */
export async function sealRecord(key: CryptoKey, place: string, value: unknown): Promise<SealedRecord> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const plain = new TextEncoder().encode(JSON.stringify(value)) as Uint8Array<ArrayBuffer>;
  const body = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: boundTo(place) }, key, plain);
  plain.fill(0);
  return { iv, body };
}

export async function openRecord(key: CryptoKey, place: string, record: SealedRecord): Promise<unknown> {
  const algorithm = { name: "AES-GCM", iv: record.iv, additionalData: boundTo(place) };
  const plain = new Uint8Array(await crypto.subtle.decrypt(algorithm, key, record.body));
  const value: unknown = JSON.parse(new TextDecoder().decode(plain));
  plain.fill(0);
  return value;
}

/**
 * The records of a store that can be read. One that cannot (damaged, or of a newer build) stays where it is and is
 * passed over: it must not keep the others from being sent, nor the panel with its emergency number from opening.
 */
export async function readable<T>(opening: Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(opening);
  return settled.flatMap((record) => (record.status === "fulfilled" ? [record.value] : []));
}
