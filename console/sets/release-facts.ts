/** Reads a release statement for display. The subscriber's command verifies; this page only shows what was signed. */
import { ENVELOPE_MAX_BYTES, parseEnvelope } from "@breakwater/shared/envelope.ts";
import { parseJcs } from "@breakwater/shared/jcs.ts";
import { z } from "zod";
import { getBytes } from "../api.ts";

const Statement = z.object({ release: z.int(), root: z.int(), iat: z.int(), exp: z.int() });
export type ReleaseFacts = z.infer<typeof Statement> & { kids: string[] };

export async function readRelease(path: string): Promise<ReleaseFacts> {
  const bytes = await getBytes(path, ENVELOPE_MAX_BYTES);
  const { protectedHeaders, payloadBytes } = parseEnvelope(bytes, { maxBytes: ENVELOPE_MAX_BYTES });
  return { ...Statement.parse(parseJcs(payloadBytes)), kids: protectedHeaders.map((header) => header.kid) };
}
