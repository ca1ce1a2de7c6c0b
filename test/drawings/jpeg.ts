/**
 * Drawings as baseline JPEG files (ITU-T T.81), made in memory: 4:4:4, light quantisation, fixed-length codes.
 *
 * Larger than other encoders' files and free of tables learnt from pictures: every code of a class is equally long.
 */
import { joined } from "./chunk.ts";
import type { Drawing } from "./draw.ts";

const BLOCK = 8;
/** One divisor for all frequencies keeps the pixels within two or three levels of the drawing. */
const QUANTUM = 2;
const COMPONENTS = [1, 2, 3];
/** Differences of the mean need 0..11 bits; a code of 4 bits for each of the twelve lengths. */
const DC_SYMBOLS = Array.from({ length: 12 }, (_, bits) => bits);
const DC_CODE_BITS = 4;
/** End of block, sixteen zeros, and each pair of (zeros before, bits of the value); a code of 8 bits for each. */
const END_OF_BLOCK = 0x00;
const SIXTEEN_ZEROS = 0xf0;
const AC_SYMBOLS = [END_OF_BLOCK, SIXTEEN_ZEROS];
for (let run = 0; run < 16; run++) for (let bits = 1; bits <= 10; bits++) AC_SYMBOLS.push(run * 16 + bits);
const AC_CODE_BITS = 8;
const AC_CODES = new Map(AC_SYMBOLS.map((symbol, code) => [symbol, code]));

const ZIGZAG = zigzag();
const COSINES = Float64Array.from({ length: BLOCK * BLOCK }, (_, i) => {
  const [frequency, place] = [i >> 3, i & 7];
  return (frequency === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * place + 1) * frequency * Math.PI) / 16);
});

export function encodeJpeg(drawing: Drawing): Uint8Array<ArrayBuffer> {
  const { width, height } = drawing;
  const sides = [height >> 8, height & 255, width >> 8, width & 255];
  return joined(
    [0xff, 0xd8],
    segment(0xe0, [...new TextEncoder().encode("JFIF\0"), 1, 1, 0, 0, 1, 0, 1, 0, 0]),
    segment(0xdb, [0, ...Array(BLOCK * BLOCK).fill(QUANTUM)]),
    segment(0xc0, [8, ...sides, COMPONENTS.length, ...COMPONENTS.flatMap((id) => [id, 0x11, 0])]),
    segment(0xc4, [0x00, ...codeLengths(DC_CODE_BITS, DC_SYMBOLS.length), ...DC_SYMBOLS]),
    segment(0xc4, [0x10, ...codeLengths(AC_CODE_BITS, AC_SYMBOLS.length), ...AC_SYMBOLS]),
    segment(0xda, [COMPONENTS.length, ...COMPONENTS.flatMap((id) => [id, 0x00]), 0, 63, 0]),
    scan(drawing),
    [0xff, 0xd9],
  );
}

function segment(marker: number, content: number[]): number[] {
  const length = content.length + 2;
  return [0xff, marker, length >> 8, length & 255, ...content];
}

function codeLengths(bits: number, count: number): number[] {
  return Array.from({ length: 16 }, (_, i) => (i + 1 === bits ? count : 0));
}

function scan(drawing: Drawing): number[] {
  const out = bitWriter();
  const previous = COMPONENTS.map(() => 0);
  for (let y = 0; y < drawing.height; y += BLOCK) {
    for (let x = 0; x < drawing.width; x += BLOCK) {
      COMPONENTS.forEach((_, component) => {
        const levels = quantised(sampleBlock(drawing, x, y, component));
        writeBlock(out.write, levels, previous[component] as number);
        previous[component] = levels[0] as number;
      });
    }
  }
  return out.end();
}

function writeBlock(write: (value: number, bits: number) => void, levels: Int16Array, previousMean: number): void {
  const difference = (levels[0] as number) - previousMean;
  write(bitLength(difference), DC_CODE_BITS);
  write(magnitude(difference), bitLength(difference));
  let zeros = 0;
  for (let i = 1; i < levels.length; i++) {
    const level = levels[ZIGZAG[i] as number] as number;
    if (level === 0) {
      zeros++;
      continue;
    }
    for (; zeros > 15; zeros -= 16) write(AC_CODES.get(SIXTEEN_ZEROS) as number, AC_CODE_BITS);
    write(AC_CODES.get(zeros * 16 + bitLength(level)) as number, AC_CODE_BITS);
    write(magnitude(level), bitLength(level));
    zeros = 0;
  }
  if (zeros > 0) write(AC_CODES.get(END_OF_BLOCK) as number, AC_CODE_BITS);
}

function bitLength(value: number): number {
  return 32 - Math.clz32(Math.abs(value));
}

// F.1.2.1: a negative value is written as its ones' complement.
function magnitude(value: number): number {
  return value < 0 ? value + 2 ** bitLength(value) - 1 : value;
}

/** One component's 8x8 samples around zero; beyond the edge the last row and column repeat. */
function sampleBlock({ width, height, rgb }: Drawing, x0: number, y0: number, component: number): Float64Array {
  return Float64Array.from({ length: BLOCK * BLOCK }, (_, i) => {
    const [x, y] = [Math.min(x0 + (i & 7), width - 1), Math.min(y0 + (i >> 3), height - 1)];
    const at = (y * width + x) * 3;
    const [r, g, b] = [rgb[at] as number, rgb[at + 1] as number, rgb[at + 2] as number];
    if (component === 0) return 0.299 * r + 0.587 * g + 0.114 * b - 128;
    if (component === 1) return -0.168736 * r - 0.331264 * g + 0.5 * b;
    return 0.5 * r - 0.418688 * g - 0.081312 * b;
  });
}

function quantised(samples: Float64Array): Int16Array {
  const rows = new Float64Array(BLOCK * BLOCK);
  for (let y = 0; y < BLOCK; y++) {
    for (let u = 0; u < BLOCK; u++) {
      let sum = 0;
      for (let x = 0; x < BLOCK; x++) sum += (samples[y * 8 + x] as number) * (COSINES[u * 8 + x] as number);
      rows[y * 8 + u] = sum;
    }
  }
  const levels = new Int16Array(BLOCK * BLOCK);
  for (let v = 0; v < BLOCK; v++) {
    for (let u = 0; u < BLOCK; u++) {
      let sum = 0;
      for (let y = 0; y < BLOCK; y++) sum += (rows[y * 8 + u] as number) * (COSINES[v * 8 + y] as number);
      levels[v * 8 + u] = Math.round(sum / QUANTUM);
    }
  }
  return levels;
}

function zigzag(): number[] {
  const order = Array.from({ length: BLOCK * BLOCK }, (_, i) => i);
  const diagonal = (i: number) => (i >> 3) + (i & 7);
  // Along odd diagonals downwards, along even ones upwards.
  return order.sort((a, b) => diagonal(a) - diagonal(b) || (diagonal(a) % 2 === 1 ? a - b : b - a));
}

function bitWriter(): { write: (value: number, bits: number) => void; end: () => number[] } {
  const bytes: number[] = [];
  let held = 0;
  let heldBits = 0;
  const write = (value: number, bits: number) => {
    for (let bit = bits - 1; bit >= 0; bit--) {
      held = (held << 1) | ((value >> bit) & 1);
      if (++heldBits < 8) continue;
      bytes.push(held);
      // B.1.1.5: a zero behind each ff, so that data is not taken for a marker.
      if (held === 0xff) bytes.push(0);
      held = 0;
      heldBits = 0;
    }
  };
  const end = () => {
    while (heldBits > 0) write(1, 1);
    return bytes;
  };
  return { write, end };
}
