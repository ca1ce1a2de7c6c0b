/** The filter passes of the PDQ kernel: pixels to luma, means along rows and down columns, samples. */
import {
  type Code,
  countUp,
  type FunctionSource,
  f32x4,
  I32,
  i16x8,
  i32,
  i32x4,
  type Local,
  repeatWhile,
  V128,
  v128,
} from "../wasm/assembler.ts";
import { add, type Four, four, LANES, splat, transpose, VECTOR_BYTES } from "./kernel-lanes.ts";
import { BAND_COLUMN_BYTES, FLOAT_BYTES } from "./kernel-layout.ts";
import { SAMPLES_PER_SIDE } from "./tent-filter.ts";

const ROW_BYTES = SAMPLES_PER_SIDE * FLOAT_BYTES;
const RGBA_BYTES = 4;

/**
 * (pixels, stride, band, width): four rows of pixels to luma in a band, whose address is that of the four. Reads and writes
 * whole vectors at the end of a row.
 */
export function luma(name: string, pixelBytes: number): FunctionSource {
  return {
    name,
    exported: true,
    params: [I32, I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [pixels, stride, band, width] = params as Four;
      const [x, row] = [local(I32), local(I32)];
      const rgba = local(V128);
      const [read, turned, spare] = [four(local), four(local), four(local)];
      return countUp(x, i32.const(0), width.get, LANES, [
        row.set(pixels.get),
        read.map((lanes) => [
          pixelBytes === RGBA_BYTES
            ? [rgba.set(v128.load(row.get)), lanes.set(rgbaLuma(rgba.get))]
            : lanes.set(greyLuma(row.get)),
          row.set(i32.add(row.get, stride.get)),
        ]),
        transpose(read, turned, spare),
        turned.map((lanes, column) => v128.store(band.get, lanes.get, column * BAND_COLUMN_BYTES)),
        pixels.set(add(pixels.get, LANES * pixelBytes)),
        band.set(add(band.get, LANES * BAND_COLUMN_BYTES)),
      ]);
    },
  };
}

function rgbaLuma(pixels: Code): Code {
  const channel = (shift: number): Code =>
    f32x4.convertI32(
      v128.and(shift === 0 ? pixels : i32x4.shrU(pixels, i32.const(shift)), i32x4.splat(i32.const(255))),
    );
  const weighted = (shift: number, weight: number): Code => f32x4.mul(channel(shift), f32x4.const(weight));
  return f32x4.add(f32x4.add(weighted(0, 0.299), weighted(8, 0.587)), weighted(16, 0.114));
}

function greyLuma(address: Code): Code {
  return f32x4.convertI32(i32x4.extendLowU16(i16x8.extendLowU8(v128.load32Zero(address))));
}

/**
 * (band, out, width, window, ahead): the mean, or only the sum, over a window around each column, the window shrinking at
 * both ends.
 */
export function across(name: string, divides: boolean): FunctionSource {
  return {
    name,
    exported: true,
    params: [I32, I32, I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [band, out, width, window, ahead] = params as [Local, Local, Local, Local, Local];
      const [right, left, at, size, end] = [local(I32), local(I32), local(I32), local(I32), local(I32)];
      const sums = [local(V128), local(V128)];
      const divisor = local(V128);
      const columns = (count: Code): Code => i32.mul(count, i32.const(BAND_COLUMN_BYTES));
      const each = (act: (sum: Local, offset: number) => Code): Code =>
        sums.map((sum, g) => act(sum, g * VECTOR_BYTES));
      const next = (pointer: Local, steps = 1): Code => pointer.set(add(pointer.get, steps * BAND_COLUMN_BYTES));
      const enter = (step = 0): Code =>
        each((sum, offset) => sum.set(f32x4.add(sum.get, v128.load(right.get, step * BAND_COLUMN_BYTES + offset))));
      const leave = (step = 0): Code =>
        each((sum, offset) => sum.set(f32x4.sub(sum.get, v128.load(left.get, step * BAND_COLUMN_BYTES + offset))));
      const emit = (step = 0): Code =>
        each((sum, offset) =>
          v128.store(at.get, divides ? f32x4.div(sum.get, divisor.get) : sum.get, step * BAND_COLUMN_BYTES + offset),
        );
      const slide = (steps: number): Code => [
        Array.from({ length: steps }, (_, step) => [enter(step), leave(step), emit(step)]),
        [right, left, at].map((pointer) => next(pointer, steps)),
      ];
      const setDivisor = divides ? divisor.set(splat(size.get)) : [];
      const until = (pointer: Local, to: Code): Code => i32.ltU(pointer.get, to);
      return [
        right.set(band.get),
        left.set(band.get),
        at.set(out.get),
        // The window grows to its size…
        size.set(ahead.get),
        end.set(i32.add(band.get, columns(ahead.get))),
        repeatWhile(until(right, end.get), [enter(), next(right)]),
        end.set(i32.add(band.get, columns(window.get))),
        repeatWhile(until(right, end.get), [
          enter(),
          size.set(add(size.get, 1)),
          setDivisor,
          emit(),
          next(right),
          next(at),
        ]),
        // …slides…
        setDivisor,
        end.set(i32.add(band.get, columns(width.get))),
        repeatWhile(i32.leU(add(right.get, 2 * BAND_COLUMN_BYTES), end.get), slide(2)),
        repeatWhile(until(right, end.get), slide(1)),
        // …and shrinks.
        end.set(i32.add(out.get, columns(width.get))),
        repeatWhile(until(at, end.get), [
          leave(),
          size.set(i32.sub(size.get, i32.const(1))),
          setDivisor,
          emit(),
          next(left),
          next(at),
        ]),
      ];
    },
  };
}

/**
 * (band, out, width, sums, divisors, held × 4): the mean down each column for four rows of a band (its address is that of
 * the four). `held` are where the rows that leave lie, and where those that enter are kept; rows before the first are zero.
 */
export function down(): FunctionSource {
  return {
    name: "down",
    exported: true,
    params: [I32, I32, I32, I32, I32, I32, I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [band, out, width, sums, divisors, ...held] = params as [Local, Local, Local, Local, Local, ...Four];
      const end = local(I32);
      const sum = local(V128);
      const [read, rows, spare] = [four(local), four(local), four(local)];
      const next = (pointer: Local, bytes: number): Code => pointer.set(add(pointer.get, bytes));
      return [
        end.set(i32.add(sums.get, i32.mul(width.get, i32.const(FLOAT_BYTES)))),
        repeatWhile(i32.ltU(sums.get, end.get), [
          read.map((lanes, column) => lanes.set(v128.load(band.get, column * BAND_COLUMN_BYTES))),
          transpose(read, rows, spare),
          sum.set(v128.load(sums.get)),
          rows.map((row, r) => {
            const place = held[r] as Local;
            return [
              // Add first, subtract second, each rounded: the other order gives other bits.
              sum.set(f32x4.sub(f32x4.add(sum.get, row.get), v128.load(place.get))),
              v128.store(place.get, row.get),
              (read[r] as Local).set(f32x4.div(sum.get, v128.load(divisors.get, r * VECTOR_BYTES))),
              next(place, VECTOR_BYTES),
            ];
          }),
          v128.store(sums.get, sum.get),
          transpose(read, rows, spare),
          rows.map((lanes, column) => v128.store(out.get, lanes.get, column * BAND_COLUMN_BYTES)),
          next(sums, VECTOR_BYTES),
          next(band, LANES * BAND_COLUMN_BYTES),
          next(out, LANES * BAND_COLUMN_BYTES),
        ]),
      ];
    },
  };
}

/**
 * (band, columns, divisors, out): of four rows of sums in a band the sampled columns alone, divided, as four rows of 64.
 * `columns` are 64 offsets into the band, `divisors` 64 vectors.
 */
export function sampleColumns(): FunctionSource {
  return {
    name: "sampleColumns",
    exported: true,
    params: [I32, I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [band, columns, divisors, out] = params as Four;
      const end = local(I32);
      const [read, rows, spare] = [four(local), four(local), four(local)];
      return [
        end.set(add(columns.get, ROW_BYTES)),
        repeatWhile(i32.ltU(columns.get, end.get), [
          read.map((lanes, k) => {
            const sums = v128.load(i32.add(band.get, i32.load(columns.get, k * FLOAT_BYTES)));
            return lanes.set(f32x4.div(sums, v128.load(divisors.get, k * VECTOR_BYTES)));
          }),
          transpose(read, rows, spare),
          rows.map((row, r) => v128.store(out.get, row.get, r * ROW_BYTES)),
          columns.set(add(columns.get, VECTOR_BYTES)),
          divisors.set(add(divisors.get, LANES * VECTOR_BYTES)),
          out.set(add(out.get, VECTOR_BYTES)),
        ]),
      ];
    },
  };
}

/** (row, sums, held): lets one row of 64 enter the sums and the one held for as long as the window is leave them. */
export function slideRow(): FunctionSource {
  return {
    name: "slideRow",
    exported: true,
    params: [I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [row, sums, held] = params as [Local, Local, Local];
      const [i, at] = [local(I32), local(I32)];
      const entering = local(V128);
      return countUp(i, i32.const(0), i32.const(ROW_BYTES), VECTOR_BYTES, [
        entering.set(v128.load(i32.add(row.get, i.get))),
        at.set(i32.add(sums.get, i.get)),
        v128.store(at.get, f32x4.sub(f32x4.add(v128.load(at.get), entering.get), v128.load(i32.add(held.get, i.get)))),
        v128.store(i32.add(held.get, i.get), entering.get),
      ]);
    },
  };
}

/** (sums, size, out): one row of 64 samples. */
export function divideRow(): FunctionSource {
  return {
    name: "divideRow",
    exported: true,
    params: [I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [sums, size, out] = params as [Local, Local, Local];
      const i = local(I32);
      return countUp(i, i32.const(0), i32.const(ROW_BYTES), VECTOR_BYTES, [
        v128.store(i32.add(out.get, i.get), f32x4.div(v128.load(i32.add(sums.get, i.get)), splat(size.get))),
      ]);
    },
  };
}
