/** Frames of a YUV4MPEG2 stream that holds luma alone: a line of its size, then each frame behind a line of its own. */

/** @property isFullRange - whether black is 0 and white 255 */
export type LumaHeader = { width: number; height: number; isFullRange: boolean };
/** @property luma - one byte a pixel; overwritten before the next frame is handed over */
export type LumaFrame = LumaHeader & { luma: Uint8Array };

export class BrokenStream extends Error {}

const SIGNATURE = "YUV4MPEG2 ";
const FRAME = "FRAME";
/** Both lines are short in every stream that a decoder writes. */
const LINE_MAX_BYTES = 512;
const LINE_FEED = 0x0a;

type Options = {
  /** A larger picture is not read at all. */
  maxPixels: number;
};

/**
 * Reads frames as they come, one in memory at a time.
 *
 * @throws BrokenStream for anything that is not luma of one size, ends within a frame, or is larger than allowed
 */
export async function* readLumaFrames(
  chunks: AsyncIterable<Uint8Array>,
  { maxPixels }: Options,
): AsyncGenerator<LumaFrame> {
  let header: LumaHeader | undefined;
  let line: number[] = [];
  let luma: Uint8Array | undefined;
  let filled = -1;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (header !== undefined && luma !== undefined && filled >= 0) {
        const part = chunk.subarray(at, at + luma.length - filled);
        luma.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < luma.length) continue;
        yield { ...header, luma };
        luma.fill(0);
        filled = -1;
        continue;
      }
      const byte = chunk[at++] as number;
      if (byte !== LINE_FEED) {
        if (line.push(byte) > LINE_MAX_BYTES) throw new BrokenStream("a line that does not end");
        continue;
      }
      const text = String.fromCharCode(...line);
      line = [];
      if (header === undefined) {
        header = parseHeader(text, maxPixels);
        luma = new Uint8Array(header.width * header.height);
      } else if (text === FRAME || text.startsWith(`${FRAME} `)) filled = 0;
      else throw new BrokenStream("no frame where one begins");
    }
    chunk.fill(0);
  }
  luma?.fill(0);
  if (filled >= 0 || line.length > 0) throw new BrokenStream("the stream ends within a frame");
}

function parseHeader(line: string, maxPixels: number): LumaHeader {
  if (!line.startsWith(SIGNATURE)) throw new BrokenStream("another stream");
  const fields = line.slice(SIGNATURE.length).split(" ");
  const value = (letter: string): string =>
    fields.find((field) => field.startsWith(letter))?.slice(letter.length) ?? "";
  const [width, height] = [Number(value("W")), Number(value("H"))];
  if (!isSide(width) || !isSide(height) || width * height > maxPixels) throw new BrokenStream("no size");
  if (value("C") !== "mono") throw new BrokenStream("not luma alone");
  return { width, height, isFullRange: fields.includes("XCOLORRANGE=FULL") };
}

function isSide(pixels: number): boolean {
  return Number.isSafeInteger(pixels) && pixels > 0;
}
