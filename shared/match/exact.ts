/**
 * Exact digests: is this one listed, and on which rows? The sorted file is the index; in memory lie only the first 64 bits
 * of each digest and a directory over their highest bits, at most 10 bytes an entry. A prefix can be forged against a
 * large list, so nothing is a hit before its full digest has been compared with the file's.
 */

/** Big-endian row number behind each digest. */
export const ROW_NUMBER_BYTES = 4;
/** md5 is the shortest exact digest, sha512 the longest. */
export const DIGEST_MIN_BYTES = 16;
export const DIGEST_MAX_BYTES = 64;
/** Row numbers are 32 bits, and the directory's last place must not be read as a negative one. */
export const EXACT_MAX_COUNT = 2 ** 31 - 1;

const KEY_WORDS = 2;
const KEY_BYTES = 8;
/** Two to four keys for each place of the directory: at most 2 bytes of directory an entry. */
const DIRECTORY_SHIFT = 2;
const DIRECTORY_MAX_BITS = 26;
/** Shorter runs are read from one end to the other; longer ones (a list may pile them up on purpose) are halved. */
const LINEAR_MAX = 8;
const UNSORTED = "exact: rows are not sorted";
/** How much of the file is asked for at once while its keys are read. */
const BUILD_READ_ROWS = 16_384;

/** The file's bytes, or a way to read any part of it. A returned array is only read before the next call. */
export type ReadRows = Uint8Array | ((offset: number, length: number) => Uint8Array);

export type ExactIndexSource = {
  /** `digest ‖ u32be row`, sorted bytewise: nothing before, between or behind. */
  rows: ReadRows;
  digestBytes: number;
  count: number;
};

export type ExactIndex = {
  readonly count: number;
  /** What the index holds beside the file. */
  readonly memoryBytes: number;
  /** @returns the row numbers of the digest in ascending order; empty when it is not listed */
  find(digest: Uint8Array): number[];
};

/**
 * Opens a file of sorted digests.
 *
 * @throws RangeError when the file is not `count` rows of that length or is not sorted: an index over it would miss
 */
export function openExactIndex({ rows, digestBytes, count }: ExactIndexSource): ExactIndex {
  requireSize(rows, digestBytes, count);
  const rowBytes = digestBytes + ROW_NUMBER_BYTES;
  const held = typeof rows === "function" ? undefined : rows;
  const read =
    typeof rows === "function" ? rows : (offset: number, length: number) => rows.subarray(offset, offset + length);
  const keys = new Uint32Array(count * KEY_WORDS);
  const bits = directoryBits(count);
  const shift = 32 - bits;
  // Place p holds where the keys that begin with p start; one place more, so that each also knows its end.
  const directory = new Uint32Array(2 ** bits + 1);
  fill({ read, rowBytes, count, keys, directory, shift });
  const fetched = new Uint8Array(1);

  /**
   * Of a hit the slow part is waiting for memory: for the directory, then the keys, then the row. Touching the row where
   * evenly spread digests put it lets the last two waits pass together.
   */
  function fetchEarly(rows: Uint8Array, high: number, from: number, end: number): void {
    const guess = from + ((((high << bits) >>> 16) * (end - from)) >>> 16);
    fetched[0] = rows[guess * rowBytes + KEY_BYTES] as number;
  }

  function find(digest: Uint8Array): number[] {
    if (digest.length !== digestBytes) throw new RangeError(`exact: ${digest.length} bytes are not ${digestBytes}`);
    const high = word(digest, 0);
    const low = word(digest, 4);
    const place = shift === 32 ? 0 : high >>> shift;
    let at = directory[place] as number;
    const end = directory[place + 1] as number;
    if (end - at > LINEAR_MAX) at = firstNotBelow(keys, at, end, high, low);
    else {
      if (held) fetchEarly(held, high, at, end);
      while (at < end && isBelow(keys, at, high, low)) at++;
    }
    if (at === end || keys[at * KEY_WORDS] !== high || keys[at * KEY_WORDS + 1] !== low) return [];
    const behind = runEnd(keys, at, end);
    return behind - at === 1 ? confirmOne(digest, at) : confirmRun(digest, at, behind);
  }

  // Bytes in memory are compared where they lie: a view of them costs more than all of the search.
  const bytesAt = (at: number): Uint8Array => held ?? read(at * rowBytes, rowBytes);
  const offsetAt = (at: number): number => (held ? at * rowBytes : 0);

  function confirmOne(digest: Uint8Array, at: number): number[] {
    const bytes = bytesAt(at);
    const offset = offsetAt(at);
    return compareRest(bytes, offset, digest) === 0 ? [word(bytes, offset + digestBytes)] : [];
  }

  /** Digests that share a 64-bit prefix are sorted too: a forged pile of them costs a search, not a walk. */
  function confirmRun(digest: Uint8Array, first: number, end: number): number[] {
    let [at, above] = [first, end];
    while (at < above) {
      const middle = (at + above) >>> 1;
      if (compareRest(bytesAt(middle), offsetAt(middle), digest) < 0) at = middle + 1;
      else above = middle;
    }
    const found: number[] = [];
    for (; at < end; at++) {
      const bytes = bytesAt(at);
      const offset = offsetAt(at);
      if (compareRest(bytes, offset, digest) !== 0) break;
      found.push(word(bytes, offset + digestBytes));
    }
    return found;
  }

  return { count, memoryBytes: keys.byteLength + directory.byteLength, find };
}

function requireSize(rows: ReadRows, digestBytes: number, count: number): void {
  if (!(Number.isSafeInteger(digestBytes) && digestBytes >= DIGEST_MIN_BYTES && digestBytes <= DIGEST_MAX_BYTES)) {
    throw new RangeError(`exact: no digest has ${digestBytes} bytes`);
  }
  if (!(Number.isSafeInteger(count) && count >= 0 && count <= EXACT_MAX_COUNT))
    throw new RangeError(`exact: ${count} rows`);
  const bytes = count * (digestBytes + ROW_NUMBER_BYTES);
  if (typeof rows !== "function" && rows.length !== bytes) {
    throw new RangeError(`exact: ${rows.length} bytes are not ${count} rows of ${digestBytes} bytes`);
  }
}

function directoryBits(count: number): number {
  const bits = count === 0 ? 0 : 31 - Math.clz32(count) - (DIRECTORY_SHIFT - 1);
  return Math.min(DIRECTORY_MAX_BITS, Math.max(0, bits));
}

type Filling = {
  read: (offset: number, length: number) => Uint8Array;
  rowBytes: number;
  count: number;
  keys: Uint32Array;
  directory: Uint32Array;
  shift: number;
};

function fill({ read, rowBytes, count, keys, directory, shift }: Filling): void {
  let nextPlace = 0;
  let [highBefore, lowBefore] = [0, 0];
  let lastRow = new Uint8Array(0);
  for (let first = 0; first < count; first += BUILD_READ_ROWS) {
    const rows = Math.min(BUILD_READ_ROWS, count - first);
    const part = read(first * rowBytes, rows * rowBytes);
    if (part.length !== rows * rowBytes) throw new RangeError("exact: the file is shorter than its rows");
    for (let i = 0, offset = 0; i < rows; i++, offset += rowBytes) {
      const high = word(part, offset);
      const low = word(part, offset + 4);
      if (high < highBefore || (high === highBefore && low < lowBefore)) throw new RangeError(UNSORTED);
      // Among equal prefixes the rest decides, and a search relies on it.
      if (high === highBefore && low === lowBefore && first + i > 0) {
        const row = part.subarray(offset, offset + rowBytes);
        if (i === 0 ? compareRest(lastRow, 0, row) > 0 : compareRest(part, offset - rowBytes, row) > 0)
          throw new RangeError(UNSORTED);
      }
      [highBefore, lowBefore] = [high, low];
      const at = first + i;
      keys[at * KEY_WORDS] = high;
      keys[at * KEY_WORDS + 1] = low;
      const place = shift === 32 ? 0 : high >>> shift;
      while (nextPlace <= place) directory[nextPlace++] = at;
    }
    lastRow = part.slice(-rowBytes);
  }
  directory.fill(count, nextPlace);
}

function isBelow(keys: Uint32Array, at: number, high: number, low: number): boolean {
  const keyHigh = keys[at * KEY_WORDS] as number;
  return keyHigh < high || (keyHigh === high && (keys[at * KEY_WORDS + 1] as number) < low);
}

function firstNotBelow(keys: Uint32Array, from: number, end: number, high: number, low: number): number {
  let [at, above] = [from, end];
  while (at < above) {
    const middle = (at + above) >>> 1;
    if (isBelow(keys, middle, high, low)) at = middle + 1;
    else above = middle;
  }
  return at;
}

/** Behind the last key that equals the one at `at`. */
function runEnd(keys: Uint32Array, at: number, end: number): number {
  const [high, low] = [keys[at * KEY_WORDS] as number, keys[at * KEY_WORDS + 1] as number];
  if (at + 1 < end && isKey(keys, at + 1, high, low)) {
    if (low === 0xffff_ffff) return high === 0xffff_ffff ? end : firstNotBelow(keys, at, end, high + 1, 0);
    return firstNotBelow(keys, at, end, high, low + 1);
  }
  return at + 1;
}

function isKey(keys: Uint32Array, at: number, high: number, low: number): boolean {
  return keys[at * KEY_WORDS] === high && keys[at * KEY_WORDS + 1] === low;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** Of the bytes from `offset` on as many as `b` has, the first 64 bits being known to be equal. */
function compareRest(a: Uint8Array, offset: number, b: Uint8Array): number {
  for (let i = KEY_BYTES; i < b.length; i++) {
    const difference = (a[offset + i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
