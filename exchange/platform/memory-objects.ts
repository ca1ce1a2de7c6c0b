/** Objects in memory, for tests: fails when an immutable key changes, and breaks on demand in the two ways a store can. */
import { concatBytes, hexOf, sha256 } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { LIST_PAGE, MUTABLE_PREFIXES, type ObjectHead, type Objects } from "./objects.ts";

type Fault = "failed_and_not_written" | "failed_but_written";

export type MemoryObjects = Objects & {
  /** The next put whose key starts with `prefix` throws, having written or not. */
  breakNextPut(fault: Fault, prefix?: string): void;
  /** All keys, in order; for assertions. */
  keys(): string[];
  bytes(key: string): Uint8Array | undefined;
};

export function memoryObjects(now: () => Date = () => new Date()): MemoryObjects {
  const stored = new Map<string, { bytes: Uint8Array; uploadedAt: Date; etag: string }>();
  let writes = 0;
  let fault: { kind: Fault; prefix: string } | undefined;

  function headOf(key: string): ObjectHead | undefined {
    const found = stored.get(key);
    return found && { key, size: found.bytes.length, uploadedAt: found.uploadedAt };
  }

  return {
    async put(key, body, options = {}) {
      const bytes = body instanceof Uint8Array ? body.slice() : await readAll(body);
      if (options.size !== undefined && options.size !== bytes.length) throw new ExchangeError("blob_size_mismatch");
      if (options.sha256Hex !== undefined && options.sha256Hex !== hexOf(await sha256(bytes))) {
        throw new ExchangeError("blob_digest_mismatch");
      }
      const due = fault !== undefined && key.startsWith(fault.prefix) ? fault.kind : undefined;
      if (due !== undefined) fault = undefined;
      if (due === "failed_and_not_written") throw new ExchangeError("busy", { retry_after: 2 });

      const before = stored.get(key);
      if (before !== undefined && options.ifAbsent) return "exists";
      if (options.ifEtag !== undefined && before?.etag !== options.ifEtag) return "exists";
      if (before !== undefined && !MUTABLE_PREFIXES.some((prefix) => key.startsWith(prefix))) {
        if (hexOf(before.bytes) !== hexOf(bytes))
          throw new Error(`immutable object rewritten with other bytes: ${key}`);
      }
      writes += 1;
      stored.set(key, { bytes, uploadedAt: now(), etag: String(writes) });
      if (due === "failed_but_written") throw new ExchangeError("busy", { retry_after: 2 });
      return "created";
    },
    async get(key) {
      const found = stored.get(key);
      if (found === undefined) return undefined;
      const bytes = found.bytes.slice();
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(bytes);
          controller.close();
        },
      });
      return { body, size: bytes.length, etag: found.etag };
    },
    async head(key) {
      return headOf(key);
    },
    async delete(keys) {
      for (const key of typeof keys === "string" ? [keys] : keys) stored.delete(key);
    },
    async list(prefix, cursor) {
      const keys = [...stored.keys()]
        .filter((key) => key.startsWith(prefix) && (cursor === undefined || key > cursor))
        .sort();
      const objects = keys.slice(0, LIST_PAGE).map((key) => headOf(key) as ObjectHead);
      const last = objects.at(-1);
      return keys.length > LIST_PAGE && last !== undefined ? { objects, cursor: last.key } : { objects };
    },
    breakNextPut(kind, prefix = "") {
      fault = { kind, prefix };
    },
    keys: () => [...stored.keys()].sort(),
    bytes: (key) => stored.get(key)?.bytes,
  };
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatBytes(parts);
    parts.push(value);
  }
}
