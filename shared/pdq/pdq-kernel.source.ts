/**
 * PDQ's inner loops as instructions: `node test/kernels/generate.ts` makes the bytes of pdq-kernel.ts from them.
 *
 * Each lane does what the plain path does to one pixel, in its order and rounded as often: nothing fused, no relaxed
 * operation, no reciprocal. A band is eight rows side by side, 32 bytes a column: sums along a row wait for each other,
 * those of eight rows do not.
 */
import { assemble } from "../wasm/assembler.ts";
import { across, divideRow, down, luma, sampleColumns, slideRow } from "./kernel-filter.ts";
import { gradients, lowFrequencies } from "./kernel-spectrum.ts";

export function assemblePdqKernel(): Uint8Array<ArrayBuffer> {
  return assemble(() => [
    luma("lumaOfRgba", 4),
    luma("lumaOfGrey", 1),
    across("acrossMeans", true),
    across("acrossSums", false),
    down(),
    sampleColumns(),
    slideRow(),
    divideRow(),
    lowFrequencies(),
    gradients(),
  ]);
}
