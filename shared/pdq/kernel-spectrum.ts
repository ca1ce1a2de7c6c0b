/** From 64x64 samples to coefficients and gradients: the last steps of the PDQ kernel. */
import {
  type Code,
  countUp,
  type FunctionSource,
  f32x4,
  I32,
  i32,
  i32x4,
  type Local,
  repeatWhile,
  V128,
  v128,
  when,
} from "../wasm/assembler.ts";
import { add, four, LANES, splat, VECTOR_BYTES } from "./kernel-lanes.ts";
import { FLOAT_BYTES } from "./kernel-layout.ts";
import { SAMPLES_PER_SIDE } from "./tent-filter.ts";

const ROW_BYTES = SAMPLES_PER_SIDE * FLOAT_BYTES;
const FREQUENCIES = 16;
const FREQUENCY_BYTES = FREQUENCIES * FLOAT_BYTES;

/** (samples, matrix, turnedMatrix, half, out): two products of matrices, each sum in the order of k. */
export function lowFrequencies(): FunctionSource {
  return {
    name: "lowFrequencies",
    exported: true,
    params: [I32, I32, I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [samples, matrix, turned, half, out] = params as [Local, Local, Local, Local, Local];
      const [i, j, k] = [local(I32), local(I32), local(I32)];
      const sums = four(local);
      const factor = local(V128);
      const zero = f32x4.const(0);
      const offset = (base: Local, at: Local, bytes: number): Code =>
        i32.add(base.get, i32.mul(at.get, i32.const(bytes)));
      const product = (weights: Code, values: Code, columns: number): Code => [
        sums.map((sum) => sum.set(zero)),
        countUp(k, i32.const(0), i32.const(SAMPLES_PER_SIDE), 1, [
          factor.set(f32x4.loadSplat(i32.add(weights, i32.mul(k.get, i32.const(FLOAT_BYTES))))),
          sums.map((sum, n) =>
            sum.set(
              f32x4.add(
                sum.get,
                f32x4.mul(factor.get, v128.load(i32.add(values, i32.mul(k.get, i32.const(columns))), n * VECTOR_BYTES)),
              ),
            ),
          ),
        ]),
      ];
      const keep = (address: Code): Code => sums.map((sum, n) => v128.store(address, sum.get, n * VECTOR_BYTES));
      return countUp(i, i32.const(0), i32.const(FREQUENCIES), 1, [
        countUp(j, i32.const(0), i32.const(ROW_BYTES), LANES * VECTOR_BYTES, [
          product(offset(matrix, i, ROW_BYTES), i32.add(samples.get, j.get), ROW_BYTES),
          keep(i32.add(offset(half, i, ROW_BYTES), j.get)),
        ]),
        product(offset(half, i, ROW_BYTES), turned.get, FREQUENCY_BYTES),
        keep(offset(out, i, FREQUENCY_BYTES)),
      ]);
    },
  };
}

/** (samples, range, out): the sum of all truncated gradients, in percent of the range of luma, as four partial sums. */
export function gradients(): FunctionSource {
  return {
    name: "gradients",
    exported: true,
    params: [I32, I32, I32],
    results: [],
    body: (params, local) => {
      const [samples, range, out] = params as [Local, Local, Local];
      const [at, end, rowEnd] = [local(I32), local(I32), local(I32)];
      const [total, here, last, divisor] = [local(V128), local(V128), local(V128), local(V128)];
      const gradient = (offset: number): Code =>
        i32x4.abs(
          i32x4.truncF32(
            f32x4.div(f32x4.mul(f32x4.sub(here.get, v128.load(at.get, offset)), f32x4.const(100)), divisor.get),
          ),
        );
      const count = (lanes: Code): Code => total.set(i32x4.add(total.get, lanes));
      return [
        divisor.set(splat(range.get)),
        end.set(add(samples.get, SAMPLES_PER_SIDE * ROW_BYTES)),
        at.set(samples.get),
        repeatWhile(i32.ltU(at.get, end.get), [
          rowEnd.set(add(at.get, ROW_BYTES)),
          repeatWhile(i32.ltU(at.get, rowEnd.get), [
            here.set(v128.load(at.get)),
            // The last row has none below.
            when(i32.ltU(rowEnd.get, end.get), count(gradient(ROW_BYTES))),
            count(last.tee(gradient(FLOAT_BYTES))),
            at.set(add(at.get, VECTOR_BYTES)),
          ]),
          // The last column has no neighbour: what follows it in memory was the next row, or nothing.
          total.set(i32x4.sub(total.get, v128.and(last.get, i32x4.const([0, 0, 0, -1])))),
        ]),
        v128.store(out.get, total.get),
      ];
    },
  };
}
