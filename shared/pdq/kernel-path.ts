/** The path through the WebAssembly kernel: bands of eight rows flow through all four filter passes, as in tent-filter.ts. */
import { type Kernel, loadKernel, PAGE_BYTES } from "../wasm/load.ts";
import { COSINES, FREQUENCIES } from "./dct.ts";
import { BAND_COLUMN_BYTES, BAND_ROWS, COLUMNS_TOGETHER, FLOAT_BYTES } from "./kernel-layout.ts";
import { PDQ_KERNEL } from "./pdq-kernel.ts";
import { FULL_RANGE, type Picture, type Spectrum, type SpectrumPath } from "./pixels.ts";
import { plainSpectrum } from "./plain-path.ts";
import { aheadOf, isSampled, SAMPLES_PER_SIDE, sampledPixels, windowSize } from "./tent-filter.ts";

const VECTOR_BYTES = 16;
const GROUP_ROWS = BAND_ROWS / 2;
const SAMPLE_ROW_BYTES = SAMPLES_PER_SIDE * FLOAT_BYTES;
/** A kernel that met a picture which needs more is dropped with its memory: the next picture is smaller. */
const KEPT_BYTES_MAX = 16 * 1024 ** 2;

type Exports = {
  lumaOfRgba: (pixels: number, stride: number, band: number, width: number) => void;
  lumaOfGrey: (pixels: number, stride: number, band: number, width: number) => void;
  acrossMeans: (band: number, out: number, width: number, window: number, ahead: number) => void;
  acrossSums: (band: number, out: number, width: number, window: number, ahead: number) => void;
  down: (
    band: number,
    out: number,
    width: number,
    sums: number,
    divisors: number,
    held0: number,
    held1: number,
    held2: number,
    held3: number,
  ) => void;
  sampleColumns: (band: number, columns: number, divisors: number, out: number) => void;
  slideRow: (row: number, sums: number, held: number) => void;
  divideRow: (sums: number, size: number, out: number) => void;
  lowFrequencies: (samples: number, matrix: number, turned: number, half: number, out: number) => void;
  gradients: (samples: number, range: number, out: number) => void;
};

/**
 * @param load - gives the kernel a memory of its own
 * @returns undefined where the kernel cannot run
 */
export function openKernelPath(load: typeof loadKernel<Exports> = loadKernel<Exports>): SpectrumPath | undefined {
  let kernel: Kernel<Exports> | undefined = load(PDQ_KERNEL, PAGE_BYTES);
  if (kernel === undefined) return undefined;
  return (picture) => {
    const plan = planMemory(picture);
    kernel ??= load(PDQ_KERNEL, PAGE_BYTES);
    if (kernel === undefined || !makeRoom(kernel.memory, plan.bytes)) return plainSpectrum(picture);
    try {
      return runKernel(kernel, plan, picture);
    } finally {
      // Nothing of a picture stays, not even blurred.
      if (plan.bytes > KEPT_BYTES_MAX) kernel = undefined;
      else new Uint8Array(kernel.memory.buffer, 0, plan.bytes).fill(0);
    }
  };
}

function makeRoom(memory: WebAssembly.Memory, bytes: number): boolean {
  const missing = bytes - memory.buffer.byteLength;
  try {
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    return true;
  } catch {
    return false;
  }
}

type Plan = ReturnType<typeof planMemory>;

/** Where everything lies. Rows are rounded up to whole vectors. */
function planMemory({ width, height, bytesPerPixel }: Picture) {
  let bytes = 0;
  const place = (length: number): number => {
    const at = bytes;
    bytes += Math.ceil(length / VECTOR_BYTES) * VECTOR_BYTES;
    return at;
  };
  const columns = Math.ceil(width / COLUMNS_TOGETHER) * COLUMNS_TOGETHER;
  const window = windowSize(height);
  return {
    // One vector more: the last row is read to the end of its last one.
    pixels: place(BAND_ROWS * width * bytesPerPixel + VECTOR_BYTES),
    band: place(columns * BAND_COLUMN_BYTES),
    filtered: place(columns * BAND_COLUMN_BYTES),
    sums: place(columns * FLOAT_BYTES),
    held: place(window * columns * FLOAT_BYTES),
    rowDivisors: place(BAND_ROWS * VECTOR_BYTES),
    sampledColumns: place(SAMPLE_ROW_BYTES),
    columnDivisors: place(SAMPLES_PER_SIDE * VECTOR_BYTES),
    sampledRows: place(BAND_ROWS * SAMPLE_ROW_BYTES),
    noRow: place(SAMPLE_ROW_BYTES),
    sampledSums: place(SAMPLE_ROW_BYTES),
    sampledHeld: place(window * SAMPLE_ROW_BYTES),
    // One vector more: the gradient beside the last column is read, and left out.
    samples: place(SAMPLES_PER_SIDE * SAMPLE_ROW_BYTES + VECTOR_BYTES),
    matrix: place(FREQUENCIES * SAMPLE_ROW_BYTES),
    turnedMatrix: place(FREQUENCIES * SAMPLE_ROW_BYTES),
    half: place(FREQUENCIES * SAMPLE_ROW_BYTES),
    coefficients: place(FREQUENCIES * FREQUENCIES * FLOAT_BYTES),
    gradients: place(VECTOR_BYTES),
    columns,
    bytes,
  };
}

function runKernel(kernel: Kernel<Exports>, plan: Plan, picture: Picture): Spectrum {
  const { exports } = kernel;
  const { buffer } = kernel.memory;
  const { width, height } = picture;
  if (isSampled(width, height)) new Float32Array(buffer, plan.samples).set(readSamples(kernel, plan, picture));
  else filterAndSample(kernel, plan, picture);
  new Float32Array(buffer, plan.matrix).set(COSINES);
  new Float32Array(buffer, plan.turnedMatrix).set(TURNED_COSINES);
  exports.lowFrequencies(plan.samples, plan.matrix, plan.turnedMatrix, plan.half, plan.coefficients);
  exports.gradients(plan.samples, picture.lumaRange ?? FULL_RANGE, plan.gradients);
  return {
    coefficients: new Float32Array(buffer, plan.coefficients, FREQUENCIES * FREQUENCIES).slice(),
    gradients: new Int32Array(buffer, plan.gradients, VECTOR_BYTES / 4).reduce((sum, lane) => sum + lane, 0),
  };
}

const TURNED_COSINES = Float32Array.from({ length: COSINES.length }, (_, at) => {
  return COSINES[(at % FREQUENCIES) * SAMPLES_PER_SIDE + Math.floor(at / FREQUENCIES)] as number;
});

/** The next eight rows as luma; rows past the last are zero. */
function readBand({ exports, memory }: Kernel<Exports>, plan: Plan, picture: Picture, firstRow: number): void {
  const { pixels, bytesPerPixel, width, height } = picture;
  const stride = width * bytesPerPixel;
  const rows = Math.max(0, Math.min(BAND_ROWS, height - firstRow));
  const into = new Uint8Array(memory.buffer, plan.pixels, BAND_ROWS * stride);
  into.set(pixels.subarray(firstRow * stride, (firstRow + rows) * stride));
  into.fill(0, rows * stride);
  const luma = bytesPerPixel === 4 ? exports.lumaOfRgba : exports.lumaOfGrey;
  luma(plan.pixels, stride, plan.band, width);
  luma(plan.pixels + GROUP_ROWS * stride, stride, plan.band + VECTOR_BYTES, width);
}

function readSamples(kernel: Kernel<Exports>, plan: Plan, picture: Picture): Float32Array {
  const samples = new Float32Array(SAMPLES_PER_SIDE * SAMPLES_PER_SIDE);
  const band = new Float32Array(kernel.memory.buffer, plan.band, SAMPLES_PER_SIDE * BAND_ROWS);
  for (let y = 0; y < SAMPLES_PER_SIDE; y++) {
    if (y % BAND_ROWS === 0) readBand(kernel, plan, picture, y);
    for (let x = 0; x < SAMPLES_PER_SIDE; x++) {
      samples[y * SAMPLES_PER_SIDE + x] = band[x * BAND_ROWS + (y % BAND_ROWS)] as number;
    }
  }
  return samples;
}

/**
 * Rows that are not there do the work of the window's shrinking: a row of zeros that enters changes no sum, and what leaves
 * with it is what the end of a pass takes away. So each pass gets `ahead` rows more than the picture has.
 */
function filterAndSample(kernel: Kernel<Exports>, plan: Plan, picture: Picture): void {
  const { exports, memory } = kernel;
  const { width, height } = picture;
  const across = windowSize(width);
  const window = windowSize(height);
  const ahead = aheadOf(window);
  const sampledRows = sampledPixels(height);
  const rowDivisors = new Float32Array(memory.buffer, plan.rowDivisors, BAND_ROWS * COLUMNS_TOGETHER);
  writeColumns(kernel, plan, width, across);
  const heldRow = (y: number): number => plan.held + (y % window) * plan.columns * FLOAT_BYTES;
  let entered = 0;
  let nextSample = 0;

  const enterRow = (row: number): void => {
    exports.slideRow(row, plan.sampledSums, plan.sampledHeld + (entered % window) * SAMPLE_ROW_BYTES);
    const centre = entered - ahead;
    for (; nextSample < SAMPLES_PER_SIDE && sampledRows[nextSample] === centre; nextSample++) {
      const out = plan.samples + nextSample * SAMPLE_ROW_BYTES;
      exports.divideRow(plan.sampledSums, windowAt(entered, height, window), out);
    }
    entered++;
  };

  for (let first = 0; first < height + ahead; first += BAND_ROWS) {
    readBand(kernel, plan, picture, first);
    exports.acrossMeans(plan.band, plan.filtered, width, across, aheadOf(across));
    for (let row = 0; row < BAND_ROWS; row++) {
      const size = windowAt(first + row, height, window);
      rowDivisors.fill(size, row * COLUMNS_TOGETHER, (row + 1) * COLUMNS_TOGETHER);
    }
    for (let row = 0; row < BAND_ROWS; row += GROUP_ROWS) {
      exports.down(
        plan.filtered + row * FLOAT_BYTES,
        plan.band + row * FLOAT_BYTES,
        plan.columns,
        plan.sums,
        plan.rowDivisors + row * VECTOR_BYTES,
        heldRow(first + row),
        heldRow(first + row + 1),
        heldRow(first + row + 2),
        heldRow(first + row + 3),
      );
    }
    exports.acrossSums(plan.band, plan.filtered, width, across, aheadOf(across));
    for (let row = 0; row < BAND_ROWS; row += GROUP_ROWS) {
      const [sums, out] = [plan.filtered + row * FLOAT_BYTES, plan.sampledRows + row * SAMPLE_ROW_BYTES];
      exports.sampleColumns(sums, plan.sampledColumns, plan.columnDivisors, out);
    }
    for (let row = 0; row < BAND_ROWS; row++) {
      const filtered = first + row - ahead;
      if (filtered >= 0 && filtered < height) enterRow(plan.sampledRows + row * SAMPLE_ROW_BYTES);
    }
  }
  for (let row = 0; row < ahead; row++) enterRow(plan.noRow);
}

/** How many rows are within the window once row `entered` has come in: it grows, stays, and shrinks past the last row. */
function windowAt(entered: number, height: number, window: number): number {
  return Math.max(1, Math.min(entered + 1, window, window - 1 - (entered - height)));
}

function writeColumns({ memory }: Kernel<Exports>, plan: Plan, width: number, window: number): void {
  const offsets = new Uint32Array(memory.buffer, plan.sampledColumns, SAMPLES_PER_SIDE);
  const divisors = new Float32Array(memory.buffer, plan.columnDivisors, SAMPLES_PER_SIDE * COLUMNS_TOGETHER);
  for (const [i, column] of sampledPixels(width).entries()) {
    offsets[i] = column * BAND_COLUMN_BYTES;
    const size = windowAt(column + aheadOf(window), width, window);
    divisors.fill(size, i * COLUMNS_TOGETHER, (i + 1) * COLUMNS_TOGETHER);
  }
}
