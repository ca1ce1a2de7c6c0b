/** Where an exchange's log lies and by which key it is known, as `/.well-known/breakwater.json` says it. */
import { z } from "zod";
import { LogOrigin } from "../ids.ts";

export const CHECKPOINT_CONTENT_TYPE = "text/plain; charset=utf-8";
export const TILE_CONTENT_TYPE = "application/octet-stream";
/** Proof documents are text, as the checkpoint inside them. */
export const PROOF_CONTENT_TYPE = "text/plain; charset=utf-8";

/** `checkpoint` and `tile/…` lie under `url`; `vkey` is the log's verifier key (C2SP signed-note). */
export const LogInfo = z.strictObject({ url: z.url(), origin: LogOrigin, vkey: z.string().max(400) });
export type LogInfo = z.infer<typeof LogInfo>;
