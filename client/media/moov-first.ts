/**
 * Puts an MP4's index before its pictures, as a decoder that reads a pipe needs it: cameras write it last (ISO/IEC 14496-12
 * §6, §8.7.5). Nothing is copied but the index, whose offsets move by its own length.
 */

type Box = { type: string; start: number; bodyStart: number; end: number };

const HEADER_BYTES = 8;
const LARGE_HEADER_BYTES = 16;
/** Down to the tables of offsets; every other box keeps its bytes. */
const CONTAINERS = ["moov", "trak", "mdia", "minf", "stbl"];
const OFFSETS = { stco: 4, co64: 8 } as const;
/** version and flags, then how many offsets follow. */
const TABLE_HEADER_BYTES = 8;
const MAX_UINT32 = 2 ** 32 - 1;

/** @returns the file's parts in the order to send them: views of `bytes`, but for the index; just `bytes` if it need not move */
export function partsMoovFirst(bytes: Uint8Array): Uint8Array[] {
  const boxes = listBoxes(bytes, 0, bytes.length);
  const moov = boxes?.find(({ type }) => type === "moov");
  const mdat = boxes?.find(({ type }) => type === "mdat");
  if (moov === undefined || mdat === undefined || moov.start < mdat.start) return [bytes];
  // Not slice, which of a Buffer is a view: the file's own bytes stay as they are.
  const index = new Uint8Array(bytes.subarray(moov.start, moov.end));
  const isMoved = (offset: number): boolean => offset >= mdat.start && offset < moov.start;
  if (!shiftOffsets(index, { bodyStart: 0, end: index.length }, 0, isMoved)) return [bytes];
  return [bytes.subarray(0, mdat.start), index, bytes.subarray(mdat.start, moov.start), bytes.subarray(moov.end)];
}

/** @returns undefined when a box does not lie within its place */
function listBoxes(bytes: Uint8Array, from: number, to: number): Box[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const boxes: Box[] = [];
  for (let start = from; start < to; ) {
    if (start + HEADER_BYTES > to) return undefined;
    const stated = view.getUint32(start);
    const isLarge = stated === 1;
    if (isLarge && start + LARGE_HEADER_BYTES > to) return undefined;
    const size = isLarge ? Number(view.getBigUint64(start + HEADER_BYTES)) : stated === 0 ? to - start : stated;
    const bodyStart = start + (isLarge ? LARGE_HEADER_BYTES : HEADER_BYTES);
    if (start + size > to || start + size < bodyStart) return undefined;
    const type = String.fromCharCode(...bytes.subarray(start + 4, start + HEADER_BYTES));
    boxes.push({ type, start, bodyStart, end: start + size });
    start += size;
  }
  return boxes;
}

/**
 * @param depth - how many containers the boxes lie in: each has its place, or a file could nest them without end
 * @returns false when the tables are not what they say; then nothing of them can be trusted
 */
function shiftOffsets(
  index: Uint8Array,
  { bodyStart, end }: Pick<Box, "bodyStart" | "end">,
  depth: number,
  isMoved: (offset: number) => boolean,
): boolean {
  const boxes = listBoxes(index, bodyStart, end);
  if (boxes === undefined) return false;
  return boxes.every((box) => {
    if (box.type === CONTAINERS[depth]) return shiftOffsets(index, box, depth + 1, isMoved);
    if (depth < CONTAINERS.length || !(box.type === "stco" || box.type === "co64")) return true;
    return shiftTable(index, box, OFFSETS[box.type], isMoved);
  });
}

function shiftTable(
  index: Uint8Array,
  { bodyStart, end }: Box,
  offsetBytes: 4 | 8,
  isMoved: (offset: number) => boolean,
): boolean {
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  const shift = index.length;
  const first = bodyStart + TABLE_HEADER_BYTES;
  if (first > end) return false;
  const count = view.getUint32(first - 4);
  if (first + count * offsetBytes > end) return false;
  for (let at = first; at < first + count * offsetBytes; at += offsetBytes) {
    const offset = offsetBytes === 4 ? view.getUint32(at) : Number(view.getBigUint64(at));
    if (!isMoved(offset)) continue;
    if (offsetBytes === 8) view.setBigUint64(at, BigInt(offset + shift));
    else if (offset + shift <= MAX_UINT32) view.setUint32(at, offset + shift);
    else return false;
  }
  return true;
}
