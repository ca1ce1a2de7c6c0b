/**
 * Decodes a video to luma, one frame a second, with the ffmpeg that the user already has. Memory and pipes only.
 *
 * The file is handed over as an open descriptor: its name is on no command line, and what is decoded is what was hashed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { VIDEO_MAX_FRAMES } from "@breakwater/shared/match/video.ts";
import type { MediaName } from "@breakwater/shared/media/sniff.ts";
import {
  DECODER_COMPLAINT_MAX_BYTES,
  VIDEO_DECODER_ALLOCATION_MAX_BYTES,
  VIDEO_MAX_PIXELS,
  VIDEO_TIMEOUT_MS,
} from "./limits.ts";
import { partsMoovFirst } from "./moov-first.ts";
import { BrokenStream, type LumaFrame, readLumaFrames } from "./y4m.ts";

/** A container is read by its own reader only: others follow references to other files and addresses. */
const READERS: Partial<Record<MediaName, string>> = {
  mp4: "mov",
  quicktime: "mov",
  webm: "matroska",
  matroska: "matroska",
  avi: "avi",
};
/** What has a Y plane of 8 bits; anything else is converted to one of these. */
const LUMA_FORMATS = "gray|yuv420p|yuvj420p|yuv422p|yuvj422p|yuv444p|yuvj444p|yuv440p|yuvj440p|yuv410p|yuv411p";
/** The frame at each whole second, or the last before it; at least one. */
const FILTERS = `format=pix_fmts=${LUMA_FORMATS},fps=fps=1:round=up,extractplanes=y`;
const NO_VIDEO = "matches no streams";
const TOO_MANY_PIXELS = "Picture size";

export type VideoFault = "no_decoder" | "no_frames" | "damaged" | "too_large" | "too_slow";

export class VideoUndecoded extends Error {
  readonly fault: VideoFault;

  constructor(fault: VideoFault) {
    super(`the video was not decoded: ${fault}`);
    this.fault = fault;
  }
}

/** A descriptor of the file, or its bytes where there is no file. */
export type VideoInput = { descriptor: number } | { bytes: Uint8Array };

export type DecodeOptions = {
  signal?: AbortSignal | undefined;
  /** The program, and what it gets before our own arguments. */
  decoder?: { command: string; args: readonly string[] } | undefined;
  timeoutMs?: number | undefined;
};

export function isVideoDecodable(name: MediaName): boolean {
  return READERS[name] !== undefined;
}

/**
 * One frame for each second, the first at 0, up to one more than {@link VIDEO_MAX_FRAMES}.
 *
 * @throws VideoUndecoded; the signal's reason when it was aborted. The decoder has ended when this does, and nobody reads from
 *   the bytes any more
 */
export async function* decodeVideo(
  name: MediaName,
  input: VideoInput,
  { signal, decoder = defaultDecoder(), timeoutMs = VIDEO_TIMEOUT_MS }: DecodeOptions = {},
): AsyncGenerator<LumaFrame> {
  const reader = READERS[name];
  if (reader === undefined) throw new VideoUndecoded("no_decoder");
  signal?.throwIfAborted();
  const source = "descriptor" in input ? "file:/dev/fd/0" : "pipe:0";
  const child = spawn(decoder.command, [...decoder.args, ...argumentsFor(reader, source)], {
    stdio: ["descriptor" in input ? input.descriptor : "pipe", "pipe", "pipe"],
    // Its configuration and its reports are written where the environment says: nowhere.
    env: { PATH: process.env.PATH, LANG: "C" },
  });
  const ended = endOf(child);
  const inputClosed = closeOf(child.stdin);
  const complaint = readComplaint(child.stderr as Readable);
  let isLate = false;
  const kill = () => {
    child.kill("SIGKILL");
    // What it may have started itself can hold the other ends open.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, timeoutMs);
  signal?.addEventListener("abort", kill, { once: true });
  let frames = 0;
  try {
    if ("bytes" in input) feed(child, reader === "mov" ? partsMoovFirst(input.bytes) : [input.bytes]);
    for await (const frame of readLumaFrames(child.stdout as Readable, { maxPixels: VIDEO_MAX_PIXELS })) {
      frames++;
      yield frame;
      // Asked for no more; a decoder that goes on is ended.
      if (frames > VIDEO_MAX_FRAMES) return;
    }
    const code = await ended;
    signal?.throwIfAborted();
    if (isLate) throw new VideoUndecoded("too_slow");
    if (code !== 0 || frames === 0) throw new VideoUndecoded(faultOf(await complaint, code, frames));
  } catch (error) {
    signal?.throwIfAborted();
    if (isLate) throw new VideoUndecoded("too_slow");
    // The decoder's own end says more than where its output broke off.
    if (error instanceof BrokenStream) throw new VideoUndecoded("damaged");
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    kill();
    child.stdin?.destroy();
    await Promise.all([ended.catch(() => undefined), inputClosed]);
  }
}

/** The name that the user's shell would find, or the one that they named. */
function defaultDecoder(): { command: string; args: readonly string[] } {
  return { command: process.env.BREAKWATER_FFMPEG || "ffmpeg", args: [] };
}

function argumentsFor(reader: string, source: string): string[] {
  const limits = ["-max_alloc", String(VIDEO_DECODER_ALLOCATION_MAX_BYTES), "-protocol_whitelist", "file,pipe"];
  const input = ["-noautorotate", "-max_pixels", String(VIDEO_MAX_PIXELS), "-f", reader, "-i", source];
  const output = ["-map", "0:v:0", "-an", "-sn", "-dn", "-vf", FILTERS, "-frames:v", String(VIDEO_MAX_FRAMES + 1)];
  return [
    ...["-nostdin", "-hide_banner", "-loglevel", "error"],
    ...limits,
    ...input,
    ...output,
    ...["-f", "yuv4mpegpipe", "-pix_fmt", "gray", "pipe:1"],
  ];
}

/** @throws VideoUndecoded `no_decoder` when there is none to start */
function endOf(child: ChildProcess): Promise<number | null> {
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", () => reject(new VideoUndecoded("no_decoder")));
    child.once("exit", (code) => resolve(code));
  });
  // Awaited once the frames are over; until then nobody listens.
  ended.catch(() => undefined);
  return ended;
}

/** Not `closed`, which is true before the system has let go of what was still to be written. */
function closeOf(stream: Writable | null | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (stream) stream.once("close", () => resolve());
    else resolve();
  });
}

async function readComplaint(stderr: Readable): Promise<string> {
  let complaint = "";
  try {
    for await (const chunk of stderr) {
      if (complaint.length < DECODER_COMPLAINT_MAX_BYTES) complaint += chunk;
    }
  } catch {
    // A decoder that was killed complains no further.
  }
  return complaint;
}

function feed(child: ChildProcess, parts: readonly Uint8Array[]): void {
  // A decoder that has seen enough closes its end.
  child.stdin?.on("error", () => undefined);
  for (const part of parts) child.stdin?.write(part);
  child.stdin?.end();
}

function faultOf(complaint: string, code: number | null, frames: number): VideoFault {
  if (complaint.includes(NO_VIDEO)) return "no_frames";
  if (complaint.includes(TOO_MANY_PIXELS)) return "too_large";
  return code === 0 && frames === 0 ? "no_frames" : "damaged";
}
