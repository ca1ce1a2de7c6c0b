/** Hamming search by the WebAssembly kernel: hashes and tables lie in its memory, copied there once. */
import { loadKernel } from "../wasm/load.ts";
import { type Chunk, HASH_BYTES } from "./chunk-rule.ts";
import { copyHashes, type HammingEngine, type HammingHit, type HashSource, hashCount } from "./hamming-engine.ts";
import { HAMMING_KERNEL } from "./hamming-kernel.ts";
import { CHUNK_RECORD_BYTES, FOUND_BYTES, FOUND_HEADER_BYTES } from "./kernel-layout.ts";

/** The kernel reads a chunk as 4 bytes, which may reach behind the last hash. */
const SLACK_BYTES = 32;
/** Hits that one call can tell; a scan goes on where it was full. */
const FOUND_CAPACITY = 4_096;

type Exports = {
  scan: (
    hashes: number,
    from: number,
    to: number,
    query: number,
    radius: number,
    found: number,
    capacity: number,
  ) => number;
  build: (hashes: number, count: number, start: number, width: number, starts: number, rows: number) => void;
  probe: (
    chunks: number,
    chunkCount: number,
    hashes: number,
    query: number,
    radius: number,
    cap: number,
    candidates: number,
    found: number,
    capacity: number,
  ) => number;
};

/**
 * @param chunks - what of the hashes is looked up when probing; none for an engine that only scans
 * @param maxCap - the largest `cap` that `probe` will be called with
 * @returns undefined where the kernel cannot run
 */
export function openWasmEngine(
  source: HashSource,
  chunks: readonly Chunk[],
  maxCap: number,
): HammingEngine | undefined {
  const count = hashCount(source);
  const plan = planMemory(count, chunks, maxCap);
  const kernel = loadKernel<Exports>(HAMMING_KERNEL, plan.bytes);
  if (kernel === undefined) return undefined;
  const { scan, build, probe } = kernel.exports;
  const { buffer } = kernel.memory;
  const memory = new Uint8Array(buffer);
  const found = new Uint32Array(buffer, plan.found, (FOUND_HEADER_BYTES + FOUND_CAPACITY * FOUND_BYTES) / 4);
  copyHashes(source, memory.subarray(0, count * HASH_BYTES));
  const records = new Uint32Array(buffer, plan.chunks, plan.tables.length * (CHUNK_RECORD_BYTES / 4));
  for (const [k, { start, width, starts, rows }] of plan.tables.entries()) {
    build(0, count, start, width, starts, rows);
    records.set([start, width, starts, rows], k * (CHUNK_RECORD_BYTES / 4));
  }

  function take(into: HammingHit[]): void {
    const hits = found[0] as number;
    for (let i = 0, at = FOUND_HEADER_BYTES / 4; i < hits; i++, at += FOUND_BYTES / 4) {
      into.push({ at: found[at] as number, distance: found[at + 1] as number });
    }
  }

  return {
    memoryBytes: buffer.byteLength,
    scan(query, radius, from, to, into) {
      memory.set(query, plan.query);
      for (let next = from; next < to; ) {
        next = scan(0, next, to, plan.query, radius, plan.found, FOUND_CAPACITY);
        take(into);
      }
    },
    probe(query, radius, cap, into) {
      if (cap > maxCap) throw new RangeError("hamming: cap");
      memory.set(query, plan.query);
      const all = probe(
        plan.chunks,
        chunks.length,
        0,
        plan.query,
        radius,
        cap,
        plan.candidates,
        plan.found,
        FOUND_CAPACITY,
      );
      if (all === 0) return false;
      take(into);
      return true;
    },
  };
}

type Plan = {
  query: number;
  chunks: number;
  found: number;
  candidates: number;
  tables: { start: number; width: number; starts: number; rows: number }[];
  bytes: number;
};

/** Where everything lies: the hashes from address 0, as they lie in the file, and the rest behind them. */
function planMemory(count: number, chunks: readonly Chunk[], maxCap: number): Plan {
  let bytes = 0;
  const place = (length: number): number => {
    const at = bytes;
    bytes += Math.ceil(length / SLACK_BYTES) * SLACK_BYTES;
    return at;
  };
  place(count * HASH_BYTES + SLACK_BYTES);
  const query = place(HASH_BYTES + SLACK_BYTES);
  const chunkTable = place(chunks.length * CHUNK_RECORD_BYTES);
  const found = place(FOUND_HEADER_BYTES + FOUND_CAPACITY * FOUND_BYTES);
  const candidates = place(chunks.length === 0 ? 0 : maxCap * 4);
  const tables = chunks.map(({ start, width }) => ({
    start,
    width,
    starts: place((2 ** width + 1) * 4),
    rows: place(count * 4),
  }));
  return { query, chunks: chunkTable, found, candidates, tables, bytes };
}
