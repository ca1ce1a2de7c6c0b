/** Synthetic pictures from integer formulas, so that tests have pixels and the tree holds no picture. */

/** 3 bytes a pixel (R, G, B), row by row. */
export type Drawing = { width: number; height: number; rgb: Uint8Array };
type Paint = (drawing: Drawing, params: readonly number[]) => void;

const GENERATORS = { gradient, checker, flat, rings, rects, noise, value } satisfies Record<string, Paint>;
export type Generator = keyof typeof GENERATORS;

/**
 * Draws a picture of the vectors in shared/vectors/pdq.json, byte for byte.
 *
 * @param params - the generator's integers: checker n · flat r g b · rings a b c k · rects seed n · noise seed ·
 *   value seed cell · gradient none
 */
export function drawRgb(generator: Generator, params: readonly number[], width: number, height: number): Drawing {
  const drawing = { width, height, rgb: new Uint8Array(width * height * 3) };
  GENERATORS[generator](drawing, params);
  return drawing;
}

/** The same pixels with opaque alpha, 4 bytes a pixel. */
export function toRgba({ rgb }: Drawing): Uint8Array<ArrayBuffer> {
  const rgba = new Uint8Array((rgb.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) rgba.set(rgb.subarray(from, from + 3), to);
  return rgba;
}

/** The next draw of the generator's pseudo-random bytes: a 32-bit linear congruence, its top byte. */
export function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
}

function paintEach(drawing: Drawing, colour: (x: number, y: number) => readonly [number, number, number]): void {
  const { width, height, rgb } = drawing;
  for (let y = 0, at = 0; y < height; y++) for (let x = 0; x < width; x++, at += 3) rgb.set(colour(x, y), at);
}

function gradient(drawing: Drawing): void {
  const { width, height } = drawing;
  const scaled = (value: number, last: number) => Math.floor((value * 255) / last);
  paintEach(drawing, (x, y) => [scaled(x, width - 1), scaled(y, height - 1), scaled(x + y, width + height - 2)]);
}

function checker(drawing: Drawing, [n = 1]: readonly number[]): void {
  paintEach(drawing, (x, y) => {
    const level = (Math.floor(x / n) + Math.floor(y / n)) % 2 === 0 ? 255 : 0;
    return [level, level, level];
  });
}

function flat(drawing: Drawing, [r = 0, g = 0, b = 0]: readonly number[]): void {
  paintEach(drawing, () => [r, g, b]);
}

function rings(drawing: Drawing, [a = 0, b = 0, c = 0, k = 0]: readonly number[]): void {
  paintEach(drawing, (x, y) => [
    ((x * x * a + y * y * b + x * y * c) >> k) & 255,
    ((x * x * b + y * y * c + x * y * a) >> k) & 255,
    ((x * x * c + y * y * a + x * y * b) >> k) & 255,
  ]);
}

function rects(drawing: Drawing, [seed = 0, n = 0]: readonly number[]): void {
  const { width, height, rgb } = drawing;
  const draw = lcg(seed);
  rgb.fill(128);
  for (let i = 0; i < n; i++) {
    const x0 = (draw() * width) >> 8;
    const y0 = (draw() * height) >> 8;
    const x1 = Math.min(width, x0 + 1 + ((draw() * width) >> 9));
    const y1 = Math.min(height, y0 + 1 + ((draw() * height) >> 9));
    const colour = [draw(), draw(), draw()];
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) rgb.set(colour, (y * width + x) * 3);
  }
}

function noise({ rgb }: Drawing, [seed = 0]: readonly number[]): void {
  const draw = lcg(seed);
  for (let i = 0; i < rgb.length; i++) rgb[i] = draw();
}

/** Bilinear between random colours on a grid. */
function value(drawing: Drawing, [seed = 0, cell = 1]: readonly number[]): void {
  const { width, height } = drawing;
  const draw = lcg(seed);
  const columns = Math.floor(width / cell) + 2;
  const grid = Uint8Array.from({ length: (Math.floor(height / cell) + 2) * columns * 3 }, draw);
  paintEach(drawing, (x, y) => {
    const fx = x % cell;
    const fy = y % cell;
    const corner = (Math.floor(y / cell) * columns + Math.floor(x / cell)) * 3;
    const mixed = (channel: number) => {
      const at = (offset: number) => grid[corner + offset * 3 + channel] as number;
      const top = at(0) * (cell - fx) + at(1) * fx;
      const bottom = at(columns) * (cell - fx) + at(columns + 1) * fx;
      return Math.floor((top * (cell - fy) + bottom * fy) / (cell * cell));
    };
    return [mixed(0), mixed(1), mixed(2)];
  });
}
