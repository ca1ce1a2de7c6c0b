/** One request to the exchange: bounded in time and bytes, repeated where that is safe, refused as an ExchangeError. */

import type { Bytes } from "@breakwater/shared/bytes.ts";
import { ExchangeError, parseProblem } from "@breakwater/shared/problem.ts";
import type { z } from "zod";
import { readBody } from "./body.ts";
import {
  ATTEMPTS,
  BACKOFF_FIRST_MS,
  BACKOFF_MAX_MS,
  IDLE_TIMEOUT_MS,
  JSON_MAX_BYTES,
  JSON_TIMEOUT_MS,
  PROBLEM_MAX_BYTES,
  RETRY_AFTER_MAX_MS,
} from "./limits.ts";

export type CallOptions = {
  /** The exchange's origin, without a path. */
  origin: string;
  apiKey?: string;
  fetch?: typeof globalThis.fetch;
  /** Waits between attempts; tests pass a clock of their own. */
  sleep?: (ms: number) => Promise<void>;
  /** 0 ≤ x < 1, for the jitter. */
  random?: () => number;
  idleTimeoutMs?: number;
  /** Told before each further attempt, so that a person can be told why nothing moves. */
  onWait?: (waitMs: number, code: string) => void;
};

export type Request = {
  method?: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  path: string;
  body?: Uint8Array | string;
  contentType?: string;
  headers?: Record<string, string>;
  maxBytes?: number;
  timeoutMs?: number;
  /** GET, HEAD, PUT and DELETE are repeated after a failure; a POST only when sending it twice does what once does. */
  repeatable?: boolean;
  /** Statuses besides 2xx that the caller understands (304, 404). */
  accept?: number[];
};

export type Answer = { status: number; headers: Headers; body: Bytes };

export type Call = {
  bytes(request: Request): Promise<Answer>;
  json<Schema extends z.ZodType>(request: Request & { json?: unknown }, schema: Schema): Promise<z.output<Schema>>;
};

const ALWAYS_REPEATABLE = new Set(["GET", "HEAD", "PUT", "DELETE"]);
const WORTH_ANOTHER = new Set([429, 500, 502, 503, 504]);

export function makeCall(options: CallOptions): Call {
  const line: Line = { isDown: false, answers: 0 };
  const bytes = (request: Request) => callWithPatience(options, line, request);
  return {
    bytes,
    async json(request, schema) {
      const sent: Request = { ...request, headers: { accept: "application/json", ...request.headers } };
      if (request.json !== undefined) {
        sent.body = JSON.stringify(request.json);
        sent.contentType = "application/json";
      }
      return parseAnswer(schema, (await bytes(sent)).body);
    },
  };
}

/** An exchange that could not be reached with all patience gets none again before it has answered: sets are many. */
type Line = { isDown: boolean; answers: number };

async function callWithPatience(options: CallOptions, line: Line, request: Request): Promise<Answer> {
  const repeatable = request.repeatable ?? ALWAYS_REPEATABLE.has(request.method ?? "GET");
  const answersBefore = line.answers;
  let hasPatience = !line.isDown;
  for (let attempt = 1; ; attempt++) {
    const outcome = await callOnce(options, request);
    const isRefused = outcome instanceof Refusal;
    const isAnswered = !isRefused || outcome.error.code !== "fetch_failed";
    if (isAnswered) {
      // It is back, be it only to say that it is busy: from now on it is waited for again.
      [line.isDown, hasPatience] = [false, true];
      line.answers += 1;
    }
    if (!isRefused) return outcome;
    const waitMs = waitBefore(attempt + 1, outcome, options.random ?? Math.random);
    const isLast = !repeatable || !hasPatience || attempt >= ATTEMPTS;
    if (isLast || !outcome.worthAnother || waitMs > RETRY_AFTER_MAX_MS) {
      // What was not repeated says little, and one call that stalls beside others that are answered nothing of the line.
      if (!isAnswered && repeatable && line.answers === answersBefore) line.isDown = true;
      throw outcome.error;
    }
    options.onWait?.(waitMs, outcome.error.code);
    await (options.sleep ?? sleepMs)(waitMs);
  }
}

class Refusal {
  readonly error: ExchangeError;
  readonly worthAnother: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(error: ExchangeError, worthAnother: boolean, retryAfterMs?: number) {
    this.error = error;
    this.worthAnother = worthAnother;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Full jitter over a doubling ceiling; a Retry-After is a floor, since the exchange knows its own load. */
function waitBefore(attempt: number, refusal: Refusal, random: () => number): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1));
  return (refusal.retryAfterMs ?? 0) + Math.round(ceiling * (0.5 + random() / 2));
}

async function callOnce(options: CallOptions, request: Request): Promise<Answer | Refusal> {
  const idleTimeoutMs = options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  const silence = new AbortController();
  const deadline = AbortSignal.any([AbortSignal.timeout(request.timeoutMs ?? JSON_TIMEOUT_MS), silence.signal]);
  // A read begins to be answered soon or not at all; what is sent may take the exchange its time.
  const isRead = request.method === undefined || request.method === "GET" || request.method === "HEAD";
  const silent = isRead ? setTimeout(() => silence.abort(), idleTimeoutMs) : undefined;
  const headers: Record<string, string> = { ...request.headers };
  if (options.apiKey !== undefined) headers.authorization = `Bearer ${options.apiKey}`;
  if (request.contentType !== undefined) headers["content-type"] = request.contentType;
  const init: RequestInit = {
    method: request.method ?? "GET",
    headers,
    signal: deadline,
    // A redirect would carry the API key to wherever it points.
    redirect: "error",
  };
  if (request.body !== undefined) init.body = request.body as BodyInit;
  try {
    const response = await (options.fetch ?? fetch)(options.origin + request.path, init);
    clearTimeout(silent);
    if (response.ok || request.accept?.includes(response.status)) {
      const body = await readBody(response, request.maxBytes ?? JSON_MAX_BYTES, idleTimeoutMs, deadline);
      return { status: response.status, headers: response.headers, body };
    }
    return await readRefusal(response, idleTimeoutMs, deadline);
  } catch (error) {
    // An oversized body will be as large the next time.
    if (error instanceof ExchangeError) return new Refusal(error, error.code === "fetch_failed");
    // fetch puts the address into some of its messages: only the kind of failure goes on.
    const reason = deadline.aborted ? "timeout" : "network";
    return new Refusal(new ExchangeError("fetch_failed", { reason }), true);
  } finally {
    clearTimeout(silent);
  }
}

async function readRefusal(response: Response, idleTimeoutMs: number, deadline: AbortSignal): Promise<Refusal> {
  const body = await readBody(response, PROBLEM_MAX_BYTES, idleTimeoutMs, deadline);
  const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"));
  const error = findProblem(body) ?? problemOfStatus(response.status);
  if (retryAfterMs !== undefined) error.detail.retry_after_s = Math.ceil(retryAfterMs / 1000);
  return new Refusal(error, WORTH_ANOTHER.has(response.status), retryAfterMs);
}

function findProblem(body: Bytes): ExchangeError | undefined {
  try {
    return parseProblem(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    return undefined; // a proxy's page: the status alone must do
  }
}

/** What a status means when no problem of ours came with it (a proxy, a newer exchange). */
function problemOfStatus(status: number): ExchangeError {
  const code =
    status === 401
      ? "api_key_invalid"
      : status === 403
        ? "forbidden"
        : status === 404
          ? "not_found"
          : status === 410
            ? "blob_gone"
            : status === 413
              ? "request_too_large"
              : status === 429
                ? "rate_limited"
                : status === 503
                  ? "busy"
                  : status >= 500
                    ? "internal"
                    : "request_invalid";
  return new ExchangeError(code, { http_status: status });
}

/** Seconds, or an HTTP date (RFC 9110 §10.2.3). */
function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

/** @throws ExchangeError `answer_invalid`; members that this build does not know are let through */
export function parseAnswer<Schema extends z.ZodType>(schema: Schema, body: Bytes): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new ExchangeError("answer_invalid", { reason: "json" });
  }
  let parsed = schema.safeParse(value);
  // The exchange's schemas are closed; a newer exchange may say more than this build knows, and that harms nobody.
  if (!parsed.success && parsed.error.issues.every((issue) => issue.code === "unrecognized_keys")) {
    for (const issue of parsed.error.issues)
      if (issue.code === "unrecognized_keys") removeMembers(value, issue.path, issue.keys);
    parsed = schema.safeParse(value);
  }
  if (parsed.success) return parsed.data;
  const members = parsed.error.issues.map((issue) => issue.path.join(".") || "(top)").slice(0, 5);
  throw new ExchangeError("answer_invalid", { reason: "members", members });
}

function removeMembers(value: unknown, path: PropertyKey[], names: string[]): void {
  let at = value as Record<PropertyKey, unknown>;
  for (const step of path) at = at[step] as Record<PropertyKey, unknown>;
  for (const name of names) delete at[name];
}

function sleepMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
