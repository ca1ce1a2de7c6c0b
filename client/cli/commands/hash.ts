/** `hash`: the digests and the perceptual hash of files, computed here. */

import type { Command } from "commander";
import { addCommand } from "../command.ts";
import { walkPaths } from "../paths.ts";
import { startProgress } from "../progress.ts";

export function addHash(program: Command): void {
  addCommand(program, {
    usage: "hash <paths...>",
    summary: "Compute SHA-256, SHA-1, MD5 and PDQ of files on this machine; nothing is sent or kept.",
    examples: [
      ["breakwater hash upload-17.png", "one file"],
      ["breakwater hash --json uploads/", "a folder, one JSON object a file"],
    ],
    async run({ terminal }, paths) {
      // Loaded when needed: the decoder takes longer to start than most commands take in all.
      const { hashFile } = await import("../../media/index.ts");
      const progress = startProgress(terminal);
      for await (const path of walkPaths(paths)) {
        const hashed = await hashFile(path, { onBytes: (bytes) => progress.update(path, bytes, undefined, "bytes") });
        progress.end();
        const size = hashed.width === undefined ? "" : `  ${hashed.width} x ${hashed.height}`;
        const pdq =
          hashed.pdq === undefined
            ? `none: ${(hashed.pdq_missing ?? "not_a_picture").replaceAll("_", " ")}`
            : `${hashed.pdq.hash}  quality ${hashed.pdq.quality}, ambiguous bits ${hashed.pdq.ambiguous_bits}`;
        terminal.print(
          { path, ...hashed },
          `${path}  ${hashed.mime}${size}`,
          `  ${terminal.label("SHA-256")}  ${hashed.sha256}`,
          `  ${terminal.label("SHA-1")}    ${hashed.sha1}`,
          `  ${terminal.label("MD5")}      ${hashed.md5}`,
          `  ${terminal.label("PDQ")}      ${pdq}`,
        );
      }
      return undefined;
    },
  });
}
