/** Bodies in and answers out: read within a limit and a budget, written with their type, refusals as problems. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { ExchangeError, formatProblem } from "@breakwater/shared/problem.ts";
import { RETRY_AFTER_SECONDS } from "./limits.ts";

/** How much may be held at once by all requests together. */
export type Budget = { take(bytes: number): boolean; give(bytes: number): void };

export function makeBudget(maxBytes: number): Budget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > maxBytes) return false;
      held += bytes;
      return true;
    },
    give(bytes) {
      held -= bytes;
    },
  };
}

/**
 * The whole body, counted while it comes: what a header says about its length is not believed, only used to refuse early.
 *
 * @returns the bytes; their room in the budget is given back by `release`
 * @throws ExchangeError `request_too_large` with `max_bytes`, `busy`
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  budget: Budget,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; release: () => void }> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes)
    throw new ExchangeError("request_too_large", { max_bytes: maxBytes });
  const parts: Buffer[] = [];
  let size = 0;
  const release = () => {
    budget.give(size);
    size = 0;
  };
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      if (size + part.length > maxBytes) throw new ExchangeError("request_too_large", { max_bytes: maxBytes });
      if (!budget.take(part.length)) throw new ExchangeError("busy", { retry_after_s: RETRY_AFTER_SECONDS });
      size += part.length;
      parts.push(part);
    }
  } catch (error) {
    release();
    if (error instanceof ExchangeError) throw error;
    throw new ExchangeError("request_invalid", { reason: "cut_off" });
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, release };
}

export const JSON_TYPE = "application/json";
export const PROBLEM_TYPE = "application/problem+json";

export function answer(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    "content-type": type,
    "content-length": typeof body === "string" ? Buffer.byteLength(body) : body.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}

export function answerProblem(request: IncomingMessage, response: ServerResponse, error: ExchangeError): void {
  const retry = error.detail.retry_after_s;
  if (typeof retry === "number" && !response.headersSent) response.setHeader("retry-after", String(retry));
  // What is still coming of a refused body is not read: the connection ends with the answer.
  if (!request.complete && !response.headersSent) response.setHeader("connection", "close");
  answer(response, error.status, PROBLEM_TYPE, `${JSON.stringify(formatProblem(error))}\n`);
}

export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
