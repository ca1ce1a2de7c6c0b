/** What the parts of the PDQ kernel share: sets of four vectors, and turning rows into columns. */
import { type Code, f32x4, i32, i32x4, type Local, V128, type ValueType, v128 } from "../wasm/assembler.ts";

/** Floats in a vector. */
export const LANES = 4;
export const VECTOR_BYTES = 16;

export type Declare = (type: ValueType) => Local;
export type Four = [Local, Local, Local, Local];
export const add = (a: Code, bytes: number): Code => (bytes === 0 ? a : i32.add(a, i32.const(bytes)));
export const four = (local: Declare): Four => [local(V128), local(V128), local(V128), local(V128)];
export const splat = (integer: Code): Code => f32x4.convertI32(i32x4.splat(integer));
const words = (...lanes: number[]): number[] => lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte));

/** Rows become columns: afterwards `to[i]` holds lane i of each of `from`. */
export function transpose(from: Four, to: Four, spare: Four): Code {
  const [a, b, c, d] = from.map(({ get }) => get) as [Code, Code, Code, Code];
  const [s0, s1, s2, s3] = spare;
  const low = words(0, 4, 1, 5);
  const high = words(2, 6, 3, 7);
  return [
    s0.set(v128.shuffle(a, b, low)),
    s1.set(v128.shuffle(a, b, high)),
    s2.set(v128.shuffle(c, d, low)),
    s3.set(v128.shuffle(c, d, high)),
    to[0].set(v128.shuffle(s0.get, s2.get, words(0, 1, 4, 5))),
    to[1].set(v128.shuffle(s0.get, s2.get, words(2, 3, 6, 7))),
    to[2].set(v128.shuffle(s1.get, s3.get, words(0, 1, 4, 5))),
    to[3].set(v128.shuffle(s1.get, s3.get, words(2, 3, 6, 7))),
  ];
}
