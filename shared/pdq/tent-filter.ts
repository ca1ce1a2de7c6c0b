/**
 * Blur and decimation to 64x64: two passes of a horizontal and a vertical box filter (Jarosz), then one sample a cell.
 *
 * The reference filters whole buffers, and walks columns with a stride of a row. Here rows flow through the four passes
 * one at a time, with a running sum per column: every sum sees the same additions, subtractions and divisions in the
 * same order, so the result is the same to the last bit, while memory is a few rows instead of two full float images.
 * Only what the 64x64 samples read is divided and kept in the second pass.
 */

export const SAMPLES_PER_SIDE = 64;
const PIXELS_PER_WINDOW = 2 * SAMPLES_PER_SIDE;

/** Half a cell, rounded up: two passes of it span a whole cell. */
export function windowSize(side: number): number {
  return Math.ceil(side / PIXELS_PER_WINDOW);
}

/** The pixel nearest the centre of each of the 64 cells along a side; repeats pixels when the side is shorter. */
export function sampledPixels(side: number): Int32Array {
  return Int32Array.from({ length: SAMPLES_PER_SIDE }, (_, i) => Math.trunc(((i + 0.5) * side) / SAMPLES_PER_SIDE));
}

/** A 64x64 picture is taken as already filtered (video frames are), so the reference does not blur it again. */
export function isSampled(width: number, height: number): boolean {
  return width === SAMPLES_PER_SIDE && height === SAMPLES_PER_SIDE;
}

/**
 * Filters and samples an image whose rows are handed over from top to bottom.
 *
 * @param readRow - fills the given row with the luma of row `y`; called once for each `y`, ascending
 * @returns 64x64 samples, row by row
 */
export function filterAndSample(
  width: number,
  height: number,
  readRow: (y: number, row: Float32Array) => void,
): Float32Array {
  const columns = sampledPixels(width);
  const rows = sampledPixels(height);
  const samples = new Float32Array(SAMPLES_PER_SIDE * SAMPLES_PER_SIDE);
  const horizontalWindow = windowSize(width);
  const verticalWindow = windowSize(height);

  let nextSample = 0;
  const downAgain = verticalBox(SAMPLES_PER_SIDE, height, verticalWindow, (row, y) => {
    for (; nextSample < SAMPLES_PER_SIDE && rows[nextSample] === y; nextSample++) {
      samples.set(row, nextSample * SAMPLES_PER_SIDE);
    }
  });
  const sampled = new Float32Array(SAMPLES_PER_SIDE);
  const acrossAgain = horizontalBox(width, horizontalWindow, (row) => {
    for (let i = 0; i < SAMPLES_PER_SIDE; i++) sampled[i] = row[columns[i] as number] as number;
    downAgain.push(sampled);
  });
  const down = verticalBox(width, height, verticalWindow, acrossAgain.push);
  const across = horizontalBox(width, horizontalWindow, down.push);
  const luma = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    readRow(y, luma);
    across.push(luma);
  }
  for (const pass of [across, down, acrossAgain, downAgain]) pass.end();
  return samples;
}

/** A filter pass: takes rows from the top, hands filtered rows on; neither side keeps the other's array. */
type RowStream = { push: (row: Float32Array) => void; end: () => void };
type Emit = (row: Float32Array, y: number) => void;

/** Mean over a window around each pixel of a row, the window shrinking at both ends. */
function horizontalBox(width: number, window: number, emit: Emit): RowStream {
  const rows = makeBand(width);
  const filtered = makeBand(width);
  let waiting = 0;
  let emitted = 0;
  const flush = () => {
    boxBand(rows, filtered, window);
    for (let i = 0; i < waiting; i++) emit(filtered[i] as Float32Array, emitted++);
    waiting = 0;
  };
  return {
    push(row) {
      (rows[waiting++] as Float32Array).set(row);
      if (waiting === rows.length) flush();
    },
    end() {
      if (waiting > 0) flush();
    },
  };
}

type Band = [Float32Array, Float32Array, Float32Array, Float32Array];

function makeBand(width: number): Band {
  const row = () => new Float32Array(width);
  return [row(), row(), row(), row()];
}

/**
 * Filters four rows side by side. Within a row each sum waits for the one before it, and the processor with it; four
 * independent sums fill that wait, which was measured at 3.3 times the speed of one row after the other.
 */
function boxBand([inA, inB, inC, inD]: Band, [outA, outB, outC, outD]: Band, window: number): void {
  const length = inA.length;
  const ahead = aheadOf(window);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let at = 0;
  // The window grows to its size…
  for (let right = 0; right < window; right++) {
    a = Math.fround(a + (inA[right] as number));
    b = Math.fround(b + (inB[right] as number));
    c = Math.fround(c + (inC[right] as number));
    d = Math.fround(d + (inD[right] as number));
    if (right < ahead) continue;
    outA[at] = a / (right + 1);
    outB[at] = b / (right + 1);
    outC[at] = c / (right + 1);
    outD[at] = d / (right + 1);
    at++;
  }
  // …slides…
  let left = 0;
  for (let right = window; right < length; right++, left++, at++) {
    a = Math.fround(Math.fround(a + (inA[right] as number)) - (inA[left] as number));
    b = Math.fround(Math.fround(b + (inB[right] as number)) - (inB[left] as number));
    c = Math.fround(Math.fround(c + (inC[right] as number)) - (inC[left] as number));
    d = Math.fround(Math.fround(d + (inD[right] as number)) - (inD[left] as number));
    outA[at] = a / window;
    outB[at] = b / window;
    outC[at] = c / window;
    outD[at] = d / window;
  }
  // …and shrinks.
  for (let size = window - 1; at < length; size--, left++, at++) {
    a = Math.fround(a - (inA[left] as number));
    b = Math.fround(b - (inB[left] as number));
    c = Math.fround(c - (inC[left] as number));
    d = Math.fround(d - (inD[left] as number));
    outA[at] = a / size;
    outB[at] = b / size;
    outC[at] = c / size;
    outD[at] = d / size;
  }
}

/** How many pixels of the window lie behind the one it is for; an even window leans that way. */
export function aheadOf(window: number): number {
  return ((window + 2) >> 1) - 1;
}

/** The same mean down each column, by a running sum per column. */
function verticalBox(width: number, height: number, window: number, emit: Emit): RowStream {
  const ahead = aheadOf(window);
  const sums = new Float32Array(width);
  const out = new Float32Array(width);
  // The last `window` rows, for the subtractions; row y lies in place y mod window.
  const held = Array.from({ length: window }, () => new Float32Array(width));
  let received = 0;
  let emitted = 0;
  return {
    push(row) {
      const place = held[received % window] as Float32Array;
      if (received < window) addRow(sums, row);
      else slideRow(sums, row, place);
      place.set(row);
      received++;
      if (received > ahead) {
        divideRow(sums, Math.min(received, window), out);
        emit(out, emitted++);
      }
    },
    end() {
      for (let left = height - window, size = window - 1; emitted < height; left++, size--) {
        subtractRow(sums, held[left % window] as Float32Array);
        divideRow(sums, size, out);
        emit(out, emitted++);
      }
    },
  };
}

function addRow(sums: Float32Array, row: Float32Array): void {
  for (let x = 0; x < sums.length; x++) sums[x] = (sums[x] as number) + (row[x] as number);
}

// Add first, subtract second, each rounded: the other order, or one rounding, gives other bits.
function slideRow(sums: Float32Array, entering: Float32Array, leaving: Float32Array): void {
  for (let x = 0; x < sums.length; x++) {
    sums[x] = Math.fround((sums[x] as number) + (entering[x] as number)) - (leaving[x] as number);
  }
}

function subtractRow(sums: Float32Array, row: Float32Array): void {
  for (let x = 0; x < sums.length; x++) sums[x] = (sums[x] as number) - (row[x] as number);
}

// Not a multiplication by the reciprocal, which rounds differently.
function divideRow(sums: Float32Array, size: number, out: Float32Array): void {
  for (let x = 0; x < sums.length; x++) out[x] = (sums[x] as number) / size;
}
