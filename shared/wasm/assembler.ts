/**
 * Writes WebAssembly modules (W3C core specification 2.0, binary format) from instructions spelled in TypeScript.
 *
 * For the kernels of this package alone, run when they are generated and never in the product: loops that are unrolled or
 * repeated for each lane are TypeScript loops, and the same source gives the same bytes.
 */

export const I32 = 0x7f;
export const I64 = 0x7e;
export const V128 = 0x7b;
export type ValueType = typeof I32 | typeof I64 | typeof V128;

/** Instructions; an expression leaves one value, a statement none. */
export type Code = readonly (number | Code)[];

export type Local = { get: Code; set(value: Code): Code; tee(value: Code): Code };

/** @property results - of each function: none or one value */
export type FunctionSource = {
  name: string;
  exported?: boolean;
  params: readonly ValueType[];
  results: readonly ValueType[];
  body: (params: readonly Local[], local: (type: ValueType) => Local) => Code;
};

export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ; ) {
    const low = rest & 0x7f;
    rest >>= 7;
    const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

type Binary = (a: Code, b: Code) => Code;
type Unary = (a: Code) => Code;
type Load = (address: Code, offset?: number) => Code;
type Store = (address: Code, value: Code, offset?: number) => Code;

const binary =
  (...opcode: number[]): Binary =>
  (a, b) => [a, b, opcode];
const unary =
  (...opcode: number[]): Unary =>
  (a) => [a, opcode];
// Alignment is a hint only; 0 promises nothing and is always true.
const load =
  (...opcode: number[]): Load =>
  (address, offset = 0) => [address, opcode, 0, unsigned(offset)];
const store =
  (...opcode: number[]): Store =>
  (address, value, offset = 0) => [address, value, opcode, 0, unsigned(offset)];
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];

export const i32 = {
  const: (value: number): Code => [0x41, signed(value)],
  load: load(0x28),
  store: store(0x36),
  eqz: unary(0x45),
  eq: binary(0x46),
  ltS: binary(0x48),
  ltU: binary(0x49),
  gtU: binary(0x4b),
  leU: binary(0x4d),
  geU: binary(0x4f),
  ctz: unary(0x68),
  popcnt: unary(0x69),
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  divU: binary(0x6e),
  remU: binary(0x70),
  and: binary(0x71),
  or: binary(0x72),
  xor: binary(0x73),
  shl: binary(0x74),
  shrU: binary(0x76),
  wrap: unary(0xa7),
};

export const i64 = { load: load(0x29), popcnt: unary(0x7b), add: binary(0x7c), xor: binary(0x85) };

export const v128 = {
  load: load(...simd(0x00)),
  load32Zero: load(...simd(0x5c)),
  store: store(...simd(0x0b)),
  and: binary(...simd(0x4e)),
  /** @param lanes - for each byte of the result, which of the 32 bytes of `a ‖ b` */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [a, b, simd(0x0d), lanes],
};

export const i32x4 = {
  const: (lanes: readonly [number, number, number, number]): Code => [
    simd(0x0c),
    [...new Uint8Array(new Int32Array(lanes).buffer)],
  ],
  splat: unary(...simd(0x11)),
  extractLane: (a: Code, lane: number): Code => [a, simd(0x1b), lane],
  shrU: binary(...simd(0xad)),
  add: binary(...simd(0xae)),
  sub: binary(...simd(0xb1)),
  abs: unary(...simd(0xa0)),
  extendLowU16: unary(...simd(0xa9)),
  truncF32: unary(...simd(0xf8)),
};

export const i16x8 = { extendLowU8: unary(...simd(0x89)) };

/** Each operation rounds once, as Math.fround of the same operation does; no fused ones. */
export const f32x4 = {
  /** All four lanes the one value, which the four bytes must hold exactly. */
  const: (value: number): Code => [simd(0x0c), Array.from({ length: 4 }, () => float32Bytes(value)).flat()],
  convertI32: unary(...simd(0xfa)),
  loadSplat: load(...simd(0x09)),
  add: binary(...simd(0xe4)),
  sub: binary(...simd(0xe5)),
  mul: binary(...simd(0xe6)),
  div: binary(...simd(0xe7)),
};

function float32Bytes(value: number): number[] {
  return [...new Uint8Array(new Float32Array([Math.fround(value)]).buffer)];
}

const VOID = 0x40;
const END = 0x0b;

export function when(condition: Code, then: Code, otherwise?: Code): Code {
  return [condition, 0x04, VOID, then, otherwise === undefined ? [] : [0x05, otherwise], END];
}

/** Leaves the function with the value. */
export function giveBack(value: Code): Code {
  return [value, 0x0f];
}

/** Repeats `body` while `condition` holds, asked before each round. */
export function repeatWhile(condition: Code, body: Code): Code {
  return [0x02, VOID, 0x03, VOID, condition, 0x45, 0x0d, 1, body, 0x0c, 0, END, END];
}

/** Repeats `body` for `counter` from `from` while below `to` (read anew each round), unsigned. */
export function countUp(counter: Local, from: Code, to: Code, step: number, body: Code): Code {
  return [
    counter.set(from),
    repeatWhile(i32.ltU(counter.get, to), [body, counter.set(i32.add(counter.get, i32.const(step)))]),
  ];
}

/** Calls a function of the same module by its name; resolved when the module is assembled. */
export type Call = (name: string, ...parameters: Code[]) => Code;

/** @param source - gets {@link Call} and returns the functions; names are resolved in their order */
export function assemble(source: (call: Call) => readonly FunctionSource[]): Uint8Array<ArrayBuffer> {
  const names = source(() => []).map(({ name }) => name);
  const call: Call = (name, ...parameters) => {
    const at = names.indexOf(name);
    if (at < 0) throw new RangeError(`no function ${name}`);
    return [parameters, 0x10, unsigned(at)];
  };
  const functions = source(call);
  const types = functions.map(({ params, results }) => [0x60, vector(params), vector(results)]);
  const exports = functions.flatMap(({ name, exported }, at) => (exported ? [[text(name), 0x00, unsigned(at)]] : []));
  return Uint8Array.from(
    flat([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, vector(types)),
      // The memory is the host's, which knows how much there is to hold.
      section(2, vector([[text("host"), text("memory"), 0x02, 0x00, unsigned(0)]])),
      section(3, vector(functions.map((_, at) => unsigned(at)))),
      section(7, vector(exports)),
      section(10, vector(functions.map(assembleFunction))),
    ]),
  );
}

function assembleFunction({ params, body }: FunctionSource): Code {
  const types: ValueType[] = [];
  const declare = (type: ValueType): Local => {
    types.push(type);
    return localAt(params.length + types.length - 1);
  };
  const code = body(
    params.map((_, at) => localAt(at)),
    declare,
  );
  const bytes = flat([vector(types.map((type) => [1, type])), code, END]);
  return [unsigned(bytes.length), bytes];
}

function localAt(at: number): Local {
  return {
    get: [0x20, unsigned(at)],
    set: (value) => [value, 0x21, unsigned(at)],
    tee: (value) => [value, 0x22, unsigned(at)],
  };
}

function vector(items: readonly (number | Code)[]): Code {
  return [unsigned(items.length), items];
}

function text(name: string): Code {
  const bytes = [...new TextEncoder().encode(name)];
  return vector(bytes);
}

function section(id: number, content: Code): Code {
  const bytes = flat(content);
  return [id, unsigned(bytes.length), bytes];
}

function flat(code: Code): number[] {
  const bytes: number[] = [];
  const add = (part: Code): void => {
    for (const item of part) {
      if (typeof item === "number") bytes.push(item);
      else add(item);
    }
  };
  add(code);
  return bytes;
}
