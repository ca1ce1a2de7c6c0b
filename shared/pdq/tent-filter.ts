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
  const second = verticalBox(SAMPLES_PER_SIDE, height, verticalWindow, (y, row) => {
    for (; nextSample < SAMPLES_PER_SIDE && rows[nextSample] === y; nextSample++) {
      samples.set(row, nextSample * SAMPLES_PER_SIDE);
    }
  });
  const blurredTwice = new Float32Array(width);
  const sampled = new Float32Array(SAMPLES_PER_SIDE);
  const first = verticalBox(width, height, verticalWindow, (_, row) => {
    horizontalBox(row, blurredTwice, horizontalWindow);
    for (let i = 0; i < SAMPLES_PER_SIDE; i++) sampled[i] = blurredTwice[columns[i] as number] as number;
    second.push(sampled);
  });
  const luma = new Float32Array(width);
  const blurredOnce = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    readRow(y, luma);
    horizontalBox(luma, blurredOnce, horizontalWindow);
    first.push(blurredOnce);
  }
  first.end();
  second.end();
  return samples;
}

/** Mean over a window around each pixel of a row, the window shrinking at both ends. */
export function horizontalBox(row: Float32Array, out: Float32Array, window: number): void {
  const length = row.length;
  const ahead = ((window + 2) >> 1) - 1;
  let sum = 0;
  let right = 0;
  for (; right < ahead; right++) sum = Math.fround(sum + (row[right] as number));
  let at = 0;
  for (; right < window; right++, at++) {
    sum = Math.fround(sum + (row[right] as number));
    out[at] = sum / (right + 1);
  }
  let left = 0;
  for (; right < length; right++, left++, at++) {
    sum = Math.fround(sum + (row[right] as number));
    sum = Math.fround(sum - (row[left] as number));
    out[at] = sum / window;
  }
  for (let size = window - 1; at < length; size--, left++, at++) {
    sum = Math.fround(sum - (row[left] as number));
    out[at] = sum / size;
  }
}

type RowStream = { push: (row: Float32Array) => void; end: () => void };

/** The same mean down each column, over rows as they come; hands each finished row to `emit`, which must not keep it. */
function verticalBox(
  width: number,
  height: number,
  window: number,
  emit: (y: number, row: Float32Array) => void,
): RowStream {
  const ahead = ((window + 2) >> 1) - 1;
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
        emit(emitted++, out);
      }
    },
    end() {
      for (let left = height - window, size = window - 1; emitted < height; left++, size--) {
        subtractRow(sums, held[left % window] as Float32Array);
        divideRow(sums, size, out);
        emit(emitted++, out);
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
