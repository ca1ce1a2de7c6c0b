/** The Hamming searches as instructions: `node test/kernels/generate.ts` makes the bytes of hamming-kernel.ts from them. */
import {
  assemble,
  type Call,
  type Code,
  countUp,
  type FunctionSource,
  giveBack,
  I32,
  I64,
  i32,
  i64,
  type Local,
  repeatWhile,
  when,
} from "../wasm/assembler.ts";
import { HASH_BYTES } from "./chunk-rule.ts";
import { CHUNK_RECORD_BYTES, FOUND_BYTES, FOUND_HEADER_BYTES } from "./kernel-layout.ts";

/** How many hashes a round of the scan reads: one check of the loop for all of them. */
const UNROLLED = 4;
const HALF_BYTES = HASH_BYTES / 2;
export function assembleHammingKernel(): Uint8Array<ArrayBuffer> {
  return assemble((call) => [scan(call), build(call), probe(call), isFirstFound(call), keep(), chunkValue()]);
}

const wordAt = (address: Code, index: Code): Code => i32.add(address, i32.shl(index, i32.const(2)));

function bitsOf(hash: Code, query: readonly Local[], first: number): Code {
  const differing = (k: number): Code => i64.popcnt(i64.xor(i64.load(hash, 8 * k), (query[k] as Local).get));
  return i32.wrap(i64.add(differing(first), differing(first + 1)));
}

function loadQuery(query: Local, words: readonly Local[]): Code {
  return words.map((local, k) => local.set(i64.load(query.get, 8 * k)));
}

/** scan(hashes, from, to, query, radius, found, capacity) → the next hash to scan: `to`, or less when `found` is full. */
function scan(call: Call): FunctionSource {
  return {
    name: "scan",
    exported: true,
    params: [I32, I32, I32, I32, I32, I32, I32],
    results: [I32],
    body: (params, local) => {
      const [hashes, from, to, query, radius, found, capacity] = params as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      const [at, end, distance] = [local(I32), local(I32), local(I32)];
      const words = [local(I64), local(I64), local(I64), local(I64)];
      const address = (index: Code): Code => i32.add(hashes.get, i32.mul(index, i32.const(HASH_BYTES)));
      const one = (k: number): Code => {
        const hash = k === 0 ? at.get : i32.add(at.get, i32.const(k * HASH_BYTES));
        // Half of the bits tells nearly every hash apart that is not within a small radius.
        return when(i32.leU(distance.tee(bitsOf(hash, words, 0)), radius.get), [
          when(i32.leU(distance.tee(i32.add(distance.get, bitsOf(hash, words, 2))), radius.get), [
            call("keep", found.get, i32.shrU(i32.sub(hash, hashes.get), i32.const(5)), distance.get),
          ]),
        ]);
      };
      const hasRoom = i32.leU(i32.add(i32.load(found.get), i32.const(UNROLLED)), capacity.get);
      return [
        loadQuery(query, words),
        i32.store(found.get, i32.const(0)),
        at.set(address(from.get)),
        end.set(address(to.get)),
        repeatWhile(i32.leU(i32.add(at.get, i32.const(UNROLLED * HASH_BYTES)), end.get), [
          when(i32.eqz(hasRoom), giveBack(i32.shrU(i32.sub(at.get, hashes.get), i32.const(5)))),
          Array.from({ length: UNROLLED }, (_, k) => one(k)),
          at.set(i32.add(at.get, i32.const(UNROLLED * HASH_BYTES))),
        ]),
        repeatWhile(i32.ltU(at.get, end.get), [
          when(i32.eqz(hasRoom), giveBack(i32.shrU(i32.sub(at.get, hashes.get), i32.const(5)))),
          one(0),
          at.set(i32.add(at.get, i32.const(HASH_BYTES))),
        ]),
        to.get,
      ];
    },
  };
}

/** keep(found, at, distance): the caller has made sure that there is room. */
function keep(): FunctionSource {
  return {
    name: "keep",
    params: [I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [found, at, distance] = params as [Local, Local, Local];
      const [count, place] = [local(I32), local(I32)];
      return [
        count.set(i32.load(found.get)),
        place.set(i32.add(found.get, i32.mul(count.get, i32.const(FOUND_BYTES)))),
        i32.store(place.get, at.get, FOUND_HEADER_BYTES),
        i32.store(place.get, distance.get, FOUND_HEADER_BYTES + 4),
        i32.store(found.get, i32.add(count.get, i32.const(1))),
      ];
    },
  };
}

/** chunkValue(hash, start, width): the chunk as a number. Reads up to 3 bytes behind the hash, and leaves them out. */
function chunkValue(): FunctionSource {
  return {
    name: "chunkValue",
    params: [I32, I32, I32],
    results: [I32],
    body: (params) => {
      const [hash, start, width] = params as [Local, Local, Local];
      const bits = i32.load(i32.add(hash.get, i32.shrU(start.get, i32.const(3))));
      return i32.and(i32.shrU(bits, i32.and(start.get, i32.const(7))), maskOf(width.get));
    },
  };
}

function maskOf(width: Code): Code {
  return i32.sub(i32.shl(i32.const(1), width), i32.const(1));
}

/** build(hashes, count, start, width, starts, rows): sorts the hashes by one chunk, by counting. `starts` must be zero. */
function build(call: Call): FunctionSource {
  return {
    name: "build",
    exported: true,
    params: [I32, I32, I32, I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [hashes, count, start, width, starts, rows] = params as [Local, Local, Local, Local, Local, Local];
      const [at, hash, place, sum] = [local(I32), local(I32), local(I32), local(I32)];
      const end = i32.add(hashes.get, i32.mul(count.get, i32.const(HASH_BYTES)));
      const valueAt = call("chunkValue", hash.get, start.get, width.get);
      return [
        countUp(hash, hashes.get, end, HASH_BYTES, [
          place.set(wordAt(starts.get, valueAt)),
          i32.store(place.get, i32.add(i32.load(place.get), i32.const(1))),
        ]),
        countUp(at, i32.const(0), i32.shl(i32.const(1), width.get), 1, [
          place.set(wordAt(starts.get, at.get)),
          i32.store(place.get, sum.tee(i32.add(sum.get, i32.load(place.get)))),
        ]),
        i32.store(wordAt(starts.get, at.get), sum.get),
        // From the back: each place's end moves down to its start, and rows stay ascending.
        at.set(count.get),
        repeatWhile(at.get, [
          at.set(i32.sub(at.get, i32.const(1))),
          hash.set(i32.add(hashes.get, i32.mul(at.get, i32.const(HASH_BYTES)))),
          place.set(wordAt(starts.get, valueAt)),
          i32.store(place.get, sum.tee(i32.sub(i32.load(place.get), i32.const(1)))),
          i32.store(wordAt(rows.get, sum.get), at.get),
        ]),
      ];
    },
  };
}

/**
 * probe(chunks, count, hashes, query, radius, cap, candidates, found, capacity) → 1, or 0 when there is more to look at
 * than `cap` or more to tell than `capacity`.
 */
function probe(call: Call): FunctionSource {
  return {
    name: "probe",
    exported: true,
    params: [I32, I32, I32, I32, I32, I32, I32, I32, I32],
    results: [I32],
    body: (params, local) => {
      const [chunks, chunkCount, hashes, query, radius, cap, candidates, found, capacity] = params as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      const words = [local(I64), local(I64), local(I64), local(I64)];
      const i32s = () => local(I32);
      const [k, record, own, reach, bits, mask, limit] = [i32s(), i32s(), i32s(), i32s(), i32s(), i32s(), i32s()];
      const [left, from, to, last, at, hash, distance] = [i32s(), i32s(), i32s(), i32s(), i32s(), i32s(), i32s()];
      const [start, width, starts, rows] = [0, 4, 8, 12].map((offset) => i32.load(record.get, offset)) as [
        Code,
        Code,
        Code,
        Code,
      ];
      // All candidates of a chunk are gathered before the first is compared: their hashes are then read side by side.
      const gather: Code = [
        hash.set(wordAt(starts, i32.xor(own.get, mask.get))),
        from.set(i32.load(hash.get)),
        to.set(i32.load(hash.get, 4)),
        left.set(i32.sub(i32.sub(left.get, i32.const(1)), i32.sub(to.get, from.get))),
        when(i32.ltS(left.get, i32.const(0)), giveBack(i32.const(0))),
        from.set(wordAt(rows, from.get)),
        to.set(wordAt(rows, to.get)),
        repeatWhile(i32.ltU(from.get, to.get), [
          i32.store(last.get, i32.load(from.get)),
          last.set(i32.add(last.get, i32.const(4))),
          from.set(i32.add(from.get, i32.const(4))),
        ]),
      ];
      const compare: Code = [
        hash.set(i32.add(hashes.get, i32.mul(i32.load(at.get), i32.const(HASH_BYTES)))),
        distance.set(i32.add(bitsOf(hash.get, words, 0), bitsOf(hash.get, words, HALF_BYTES / 8))),
        when(
          i32.leU(distance.get, radius.get),
          when(call("isFirstFound", chunks.get, chunkCount.get, hash.get, query.get, radius.get, k.get), [
            when(i32.geU(i32.load(found.get), capacity.get), giveBack(i32.const(0))),
            call("keep", found.get, i32.load(at.get), distance.get),
          ]),
        ),
      ];
      const lowest = i32.ctz(mask.get);
      const ripple = i32.add(mask.get, i32.and(mask.get, i32.sub(i32.const(0), mask.get)));
      return [
        loadQuery(query, words),
        i32.store(found.get, i32.const(0)),
        left.set(cap.get),
        record.set(chunks.get),
        countUp(k, i32.const(0), chunkCount.get, 1, [
          own.set(call("chunkValue", query.get, start, width)),
          limit.set(i32.shl(i32.const(1), width)),
          last.set(candidates.get),
          reach.set(reachOf(k, radius, chunkCount)),
          when(i32.geU(reach.get, i32.const(1)), [mask.set(i32.const(0)), gather]),
          countUp(bits, i32.const(1), reach.get, 1, [
            mask.set(maskOf(bits.get)),
            repeatWhile(i32.ltU(mask.get, limit.get), [
              gather,
              // Gosper: the next higher number with as many bits set.
              from.set(ripple),
              mask.set(i32.or(i32.shrU(i32.xor(mask.get, from.get), i32.add(lowest, i32.const(2))), from.get)),
            ]),
          ]),
          countUp(at, candidates.get, last.get, 4, compare),
          record.set(i32.add(record.get, i32.const(CHUNK_RECORD_BYTES))),
        ]),
        i32.const(1),
      ];
    },
  };
}

/** One more than the radius of chunk `k` (see chunkRadius), so that "not at all" is 0. */
function reachOf(k: Local, radius: Local, chunkCount: Local): Code {
  return i32.add(i32.divU(radius.get, chunkCount.get), i32.leU(k.get, i32.remU(radius.get, chunkCount.get)));
}

/** isFirstFound(chunks, count, hash, query, radius, k): whether no chunk before `k` has led to this hash already. */
function isFirstFound(call: Call): FunctionSource {
  return {
    name: "isFirstFound",
    params: [I32, I32, I32, I32, I32, I32],
    results: [I32],
    body: (params, local) => {
      const [chunks, chunkCount, hash, query, radius, k] = params as [Local, Local, Local, Local, Local, Local];
      const [j, record] = [local(I32), local(I32)];
      const value = (bytes: Local): Code =>
        call("chunkValue", bytes.get, i32.load(record.get), i32.load(record.get, 4));
      return [
        record.set(chunks.get),
        countUp(j, i32.const(0), k.get, 1, [
          when(
            i32.ltU(i32.popcnt(i32.xor(value(hash), value(query))), reachOf(j, radius, chunkCount)),
            giveBack(i32.const(0)),
          ),
          record.set(i32.add(record.get, i32.const(CHUNK_RECORD_BYTES))),
        ]),
        i32.const(1),
      ];
    },
  };
}
