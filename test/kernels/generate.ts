// `node test/kernels/generate.ts`: writes the bytes of the WebAssembly kernels beside their sources, which are TypeScript too.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { base64urlOf } from "@breakwater/shared/bytes.ts";
import { assembleHammingKernel } from "@breakwater/shared/match/hamming-kernel.source.ts";
import { assemblePdqKernel } from "@breakwater/shared/pdq/pdq-kernel.source.ts";

type KernelFile = { path: string; constant: string; source: string; assemble: () => Uint8Array };

const KERNELS: readonly KernelFile[] = [
  {
    path: "shared/match/hamming-kernel.ts",
    constant: "HAMMING_KERNEL",
    source: "hamming-kernel.source.ts",
    assemble: assembleHammingKernel,
  },
  {
    path: "shared/pdq/pdq-kernel.ts",
    constant: "PDQ_KERNEL",
    source: "pdq-kernel.source.ts",
    assemble: assemblePdqKernel,
  },
];

/** The files as they must stand in the tree. */
export function kernelFiles(): { path: string; text: string }[] {
  return KERNELS.map(({ path, constant, source, assemble }) => ({
    path,
    text: `/** The bytes of ${source}, made by \`node test/kernels/generate.ts\`; not edited by hand. */
export const ${constant} =
  "${base64urlOf(assemble())}";
`,
  }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, text } of kernelFiles()) {
    writeFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), text);
  }
}
