/** Objects by key: blobs and pending uploads. Two implementations: R2 here, memory in memory-objects.ts. */
import { ExchangeError } from "@breakwater/shared/problem.ts";

export type ObjectHead = { key: string; size: number; uploadedAt: Date };
/** `etag` changes with the bytes; it means something to `ifEtag` only. */
export type StoredObject = { body: ReadableStream<Uint8Array>; size: number; etag: string };
export type PutOptions = {
  /** The bytes are refused (`blob_digest_mismatch`) unless they have this SHA-256. */
  sha256Hex?: string;
  /** Nothing is written when the key is there. */
  ifAbsent?: boolean;
  /** Nothing is written unless the key still holds what was read with this etag. */
  ifEtag?: string;
  /** Needed with a stream: how many bytes it will give. */
  size?: number;
};

/**
 * On return of `put` the object is durable and every later `get` sees it whole; on a throw it may be there or not,
 * so a caller must be able to put it again. Keys outside `MUTABLE_PREFIXES` are written once or with the same bytes.
 * A put whose condition (`ifAbsent`, `ifEtag`) does not hold writes nothing and answers "exists".
 */
export interface Objects {
  put(key: string, body: Uint8Array | ReadableStream<Uint8Array>, options?: PutOptions): Promise<"created" | "exists">;
  get(key: string): Promise<StoredObject | undefined>;
  head(key: string): Promise<ObjectHead | undefined>;
  delete(keys: string | string[]): Promise<void>;
  /** In key order, at most 1000 a page. */
  list(prefix: string, cursor?: string): Promise<{ objects: ObjectHead[]; cursor?: string }>;
}

export const MUTABLE_PREFIXES = ["state/", "log/checkpoint"];
export const LIST_PAGE = 1000;
/** R2 takes at most 1000 keys in one delete. */
export const DELETE_BATCH = 1000;

export function r2Objects(bucket: R2Bucket): Objects {
  return {
    async put(key, body, options = {}) {
      const conditions: R2PutOptions = {};
      if (options.sha256Hex !== undefined) conditions.sha256 = options.sha256Hex;
      if (options.ifAbsent) conditions.onlyIf = { etagDoesNotMatch: "*" };
      if (options.ifEtag !== undefined) conditions.onlyIf = { etagMatches: options.ifEtag };
      const source: { failure?: unknown } = {};
      try {
        const stored = await bucket.put(key, withLength(body, options.size, source), conditions);
        return stored === null ? "exists" : "created";
      } catch (cause) {
        // Why the body broke off, where its own source refused it: the store only knows that it did.
        throw putError(source.failure instanceof ExchangeError ? source.failure : cause);
      }
    },
    async get(key) {
      const found = await bucket.get(key);
      if (found === null) return undefined;
      return { body: found.body as ReadableStream<Uint8Array>, size: found.size, etag: found.etag };
    },
    async head(key) {
      const found = await bucket.head(key);
      return found === null ? undefined : { key, size: found.size, uploadedAt: found.uploaded };
    },
    async delete(keys) {
      const all = typeof keys === "string" ? [keys] : keys;
      for (let at = 0; at < all.length; at += DELETE_BATCH) await bucket.delete(all.slice(at, at + DELETE_BATCH));
    },
    async list(prefix, cursor) {
      const page = await bucket.list({ prefix, limit: LIST_PAGE, ...(cursor === undefined ? {} : { cursor }) });
      const objects = page.objects.map(({ key, size, uploaded }) => ({ key, size, uploadedAt: uploaded }));
      return page.truncated ? { objects, cursor: page.cursor } : { objects };
    },
  };
}

// R2 refuses a stream of unknown length; a wrapped request body has lost its length, so it is said again.
function withLength(
  body: Uint8Array | ReadableStream<Uint8Array>,
  size: number | undefined,
  source: { failure?: unknown },
) {
  if (body instanceof Uint8Array || size === undefined) return body as ArrayBufferView | ReadableStream;
  const fixed = new FixedLengthStream(size);
  // The write side fails when the source does; the put sees the same failure on the read side.
  body.pipeTo(fixed.writable as WritableStream<Uint8Array>).catch((cause: unknown) => {
    source.failure = cause;
  });
  return fixed.readable;
}

function putError(cause: unknown): ExchangeError {
  if (cause instanceof ExchangeError) return cause;
  const text = cause instanceof Error ? cause.message : "";
  // R2's own texts: the checksum differs; a stream without known length; a FixedLengthStream fed otherwise than announced.
  if (/checksum|10037/i.test(text)) return new ExchangeError("blob_digest_mismatch", {}, { cause });
  if (/known length/i.test(text)) return new ExchangeError("length_required", {}, { cause });
  if (/FixedLengthStream/i.test(text)) return new ExchangeError("blob_size_mismatch", {}, { cause });
  return new ExchangeError("busy", { retry_after: 2 }, { cause });
}
