/** `hash`: the digests and the perceptual hash of files, computed here. */

import type { Command } from "commander";
import type { HashedFile } from "../../media/index.ts";
import { addCommand } from "../command.ts";
import { hashReadable } from "../each-file.ts";
import { createLeftOut } from "../left-out.ts";
import { startProgress } from "../progress.ts";

const NO_DECODER =
  "Videos are decoded by ffmpeg, and none was found here. Install it (Debian, Ubuntu: apt install ffmpeg; macOS: brew install ffmpeg), or name its program in BREAKWATER_FFMPEG, and hash them again.";

export function addHash(program: Command): void {
  addCommand(program, {
    usage: "hash <paths...>",
    summary:
      "Compute SHA-256, SHA-1, MD5, PDQ of pictures and vPDQ of videos on this machine; nothing is sent or kept.",
    examples: [
      ["breakwater hash upload-17.png", "one file"],
      ["breakwater hash --json uploads/", "a folder, one JSON object a file"],
    ],
    async run({ terminal }, paths) {
      const progress = startProgress(terminal);
      let lacksDecoder = false;
      const leftOut = createLeftOut(terminal, progress, "hashed");
      const onBytes = (path: string, bytes: number) => progress.update(path, bytes, undefined, "bytes");
      let done = 0;
      for await (const { path, file: hashed } of hashReadable(paths, leftOut, onBytes)) {
        progress.end();
        done += 1;
        const size = hashed.width === undefined ? "" : `  ${hashed.width} x ${hashed.height}`;
        const pdq =
          hashed.pdq === undefined
            ? `none: ${(hashed.pdq_missing ?? "not_a_picture").replaceAll("_", " ")}`
            : `${hashed.pdq.hash}  quality ${hashed.pdq.quality}, ambiguous bits ${hashed.pdq.ambiguous_bits}`;
        const { vpdq, ...rest } = hashed;
        const isUndecoded = hashed.vpdq_missing === "no_decoder";
        lacksDecoder ||= isUndecoded;
        terminal.print(
          {
            path,
            ...rest,
            ...(vpdq === undefined ? {} : { vpdq: { ...vpdq, frames: vpdq.frames.length } }),
            ...(isUndecoded ? { next: NO_DECODER } : {}),
          },
          `${path}  ${hashed.mime}${size}`,
          `  ${terminal.label("SHA-256")}  ${hashed.sha256}`,
          `  ${terminal.label("SHA-1")}    ${hashed.sha1}`,
          `  ${terminal.label("MD5")}      ${hashed.md5}`,
          ...(hashed.media_type === "video"
            ? [`  ${terminal.label("vPDQ")}     ${formatVpdqLine(hashed, terminal.full)}`]
            : [`  ${terminal.label("PDQ")}      ${pdq}`]),
        );
      }
      if (lacksDecoder) terminal.note(NO_DECODER);
      leftOut.end(done);
      return undefined;
    },
  });
}

/** A value is as long as its video: whole where hashes are asked for whole. */
function formatVpdqLine({ vpdq, vpdq_missing = "no_frames" }: HashedFile, full: boolean): string {
  if (vpdq === undefined) return `none: ${vpdq_missing.replaceAll("_", " ")}`;
  const { value, frames, sampled, whole } = vpdq;
  const rest = whole ? "" : ", the rest was not looked at";
  const shown = full ? value : "--full or --json shows it";
  return `${frames.length} different frames in ${sampled} seconds${rest}: ${shown}`;
}
