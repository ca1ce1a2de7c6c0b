/** Sends a pending release: blobs, then the statement or envelope, then waits until it is admitted. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, isProblemCode } from "@breakwater/shared/problem.ts";
import type { ReleaseAnswer } from "@breakwater/shared/wire/sets.ts";
import type { Exchange } from "../http/index.ts";
import { dropPending, type Pending, readPendingBlob, settlePending } from "./pending.ts";
import type { EarlySender } from "./send-early.ts";

export const BLOBS_AT_ONCE = 4;
const ADMISSION_POLL_MS = 1_000;
const ADMISSION_PATIENCE_MS = 30 * 60_000;
const SERVER_FAULT = 500;

export type SendContext = {
  exchange: Pick<Exchange, "hasBlob" | "putBlob" | "postRelease" | "getAdmission">;
  stateDir: string;
  setId: SetId;
  sleep?: (ms: number) => Promise<void>;
  onProgress?: (what: "blobs" | "rows", done: number, total: number) => void;
};

export type Sent = { release: number; digest: string; entries: number; logIndex: number | null };

const REFUSED_FOR_NOW: ReadonlySet<string> = new Set([
  "rate_limited",
  "admission_pending",
  "api_key_invalid",
  "api_key_expired",
  "api_key_revoked",
  "scope_required",
  "not_found",
]);

/** The same bytes may still be accepted: nothing was said of them, or what stood in their way can be mended. */
export function mayWorkLater({ code, status }: ExchangeError): boolean {
  return status >= SERVER_FAULT || REFUSED_FOR_NOW.has(code);
}

/**
 * @property early - what this run has begun to send; without it, a run before this one may have sent some of it, so blobs
 *   are asked for before they are sent
 */
export type Begun = { early?: Pick<EarlySender, "end"> };

/** @throws ExchangeError; unless trying again can help, what was composed is dropped first */
export async function sendPending(context: SendContext, pending: Pending, begun: Begun): Promise<Sent> {
  try {
    await sendBlobs(context, pending, begun);
    const answer = await context.exchange.postRelease(context.setId, pending.body, pending.signed_by);
    const sent = answer === undefined ? await awaitAdmission(context, pending) : sentOf(answer, pending);
    await settlePending(context.stateDir, context.setId, pending);
    return sent;
  } catch (error) {
    if (error instanceof ExchangeError && !mayWorkLater(error)) await dropPending(context.stateDir, context.setId);
    throw error;
  }
}

async function sendBlobs(
  { exchange, stateDir, setId, onProgress }: SendContext,
  pending: Pending,
  { early }: Begun,
): Promise<void> {
  const arrived = await early?.end();
  const isThere = (digest: Digest) => (arrived === undefined ? exchange.hasBlob(digest) : arrived.has(digest));
  let next = 0;
  let done = 0;
  const worker = async () => {
    for (let at = next++; at < pending.blobs.length; at = next++) {
      const digest = pending.blobs[at] as Digest;
      if (!(await isThere(digest))) {
        await exchange.putBlob(digest, await readPendingBlob(stateDir, setId, digest));
      }
      onProgress?.("blobs", ++done, pending.blobs.length);
    }
  };
  await Promise.all(Array.from({ length: BLOBS_AT_ONCE }, worker));
}

function sentOf(answer: ReleaseAnswer, pending: Pending): Sent {
  // An exchange that signs could sign something else: what counts is the statement that was composed here.
  if (answer.digest !== pending.digest || answer.release !== pending.release)
    throw new ExchangeError("release_fork", { got: answer.release });
  return { release: answer.release, digest: answer.digest, entries: answer.entries, logIndex: answer.log_index };
}

async function awaitAdmission({ exchange, setId, sleep, onProgress }: SendContext, pending: Pending): Promise<Sent> {
  const until = Date.now() + ADMISSION_PATIENCE_MS;
  for (;;) {
    const admission = await exchange.getAdmission(setId, pending.release);
    if (admission.digest !== pending.digest) throw new ExchangeError("release_fork", { got: pending.release });
    if (admission.state === "done") {
      return { release: pending.release, digest: pending.digest, entries: pending.entries, logIndex: null };
    }
    if (admission.state === "failed") {
      const code = isProblemCode(admission.code) ? admission.code : "internal";
      throw new ExchangeError(code, { ...admission.detail, reason: "admission" });
    }
    onProgress?.("rows", admission.rows_done, admission.rows_total);
    if (Date.now() > until) throw new ExchangeError("admission_pending");
    await (sleep ?? wait)(ADMISSION_POLL_MS);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
