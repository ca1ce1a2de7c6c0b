/** Bodies in and answers out: read within a limit and a budget, written with their type, refusals as problems. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { ExchangeError, formatProblem } from "@breakwater/shared/problem.ts";
import { LINGER_MAX_BYTES, LINGER_MS, RETRY_AFTER_SECONDS } from "./limits.ts";

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
    // Leaving early must not cut the connection: the refusal has yet to go out on it.
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
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
  writeHead(response, status, type, body);
  response.end(body);
}

function writeHead(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": typeof body === "string" ? Buffer.byteLength(body) : body.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
}

export function answerProblem(request: IncomingMessage, response: ServerResponse, error: ExchangeError): void {
  const retry = error.detail.retry_after_s;
  if (typeof retry === "number" && !response.headersSent) response.setHeader("retry-after", String(retry));
  const body = `${JSON.stringify(formatProblem(error))}\n`;
  if (request.complete || response.headersSent) answer(response, error.status, PROBLEM_TYPE, body);
  else answerEarly(request, response, error.status, body);
}

/**
 * Answers while the request is still coming. A connection that is closed over unread bytes is reset, and a reset throws
 * away what the other side has not read yet: so the rest is read and dropped for a moment, and only then is it closed.
 */
function answerEarly(request: IncomingMessage, response: ServerResponse, status: number, body: string): void {
  response.setHeader("connection", "close");
  writeHead(response, status, PROBLEM_TYPE, body);
  response.write(body);
  let dropped = 0;
  const close = () => {
    clearTimeout(timer);
    request.removeListener("data", drop).removeListener("end", close).removeListener("close", close);
    response.end();
    request.socket.destroySoon();
  };
  const drop = (part: Buffer) => {
    dropped += part.length;
    if (dropped > LINGER_MAX_BYTES) close();
  };
  const timer = setTimeout(close, LINGER_MS);
  request.on("data", drop);
  request.once("end", close);
  request.once("close", close);
  request.resume();
}

export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
