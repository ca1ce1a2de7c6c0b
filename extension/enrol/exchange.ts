// One request to the exchange: no cookies, no redirects, a ceiling on what is read and on how long it may take.

import { base64urlOf } from "@breakwater/shared/bytes.ts";
import { signEnvelope } from "@breakwater/shared/envelope.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { collectBytes } from "../acquire/bytes.ts";
import { type DeviceKey, signingKey } from "../keys/device.ts";
import { parseRetryAfter } from "../outbox/backoff.ts";

export const ANSWER_MAX_BYTES = 64 * 1024;
export const ANSWER_TIMEOUT_MS = 20_000;
const FORWARD_HEADER = "breakwater-forward";

export type ExchangeAnswer = {
  status: number;
  bytes: Uint8Array<ArrayBuffer>;
  /** Only what has the form of a problem code; any other text of a refusal is not looked at. */
  code?: string;
  pointers?: string[];
  retryAfterMs?: number;
  /** The exchange said that an urgent report is passed on when nobody confirms it; silence is a no. */
  passedOn: boolean;
  /** The exchange's clock, where it said so. */
  date?: number;
};

export class Unreachable extends Error {}

export type Call = { method: "GET" | "POST"; path: string; body?: Uint8Array<ArrayBuffer>; device?: DeviceKey };
export type Exchange = { origin: string; now: () => number; fetch?: typeof fetch };

/** The exchange takes a proof that is up to seven days off; past that it refuses, and says what time it is there. */
const PROOF_SKEW_MS = 7 * 24 * 60 * 60_000;

/**
 * A clock that is weeks off must keep nobody from reporting: the proof is then made again by the exchange's own time.
 *
 * @throws Unreachable for whatever kept an answer from arriving whole
 */
export async function callExchange(exchange: Exchange, call: Call): Promise<ExchangeAnswer> {
  const nowMs = exchange.now();
  const answer = await callOnce(exchange, call, nowMs);
  const { code, date } = answer;
  if (!call.device || code !== "device_format" || date === undefined || Math.abs(date - nowMs) < PROOF_SKEW_MS)
    return answer;
  return callOnce(exchange, call, date);
}

async function callOnce(
  { origin, now, fetch: send = fetch }: Exchange,
  call: Call,
  proofMs: number,
): Promise<ExchangeAnswer> {
  const headers: Record<string, string> = {};
  if (call.body) headers["content-type"] = "application/json";
  if (call.device) {
    headers.authorization = await deviceHeader(call.device, { origin, path: call.path, nowMs: proofMs });
  }
  try {
    const response = await send(`${origin}${call.path}`, {
      method: call.method,
      headers,
      ...(call.body ? { body: call.body } : {}),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const bytes = response.body ? await collectBytes(response.body, ANSWER_MAX_BYTES) : new Uint8Array();
    const date = Date.parse(response.headers.get("date") ?? "");
    const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"), now());
    return {
      status: response.status,
      bytes,
      passedOn: response.headers.get(FORWARD_HEADER) === "yes",
      ...(response.ok ? {} : problemOf(bytes)),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(Number.isNaN(date) ? {} : { date }),
    };
  } catch (cause) {
    throw new Unreachable("unreachable", { cause });
  }
}

const POINTER = /^\/[A-Za-z0-9_/*-]{0,100}$/;

function problemOf(bytes: Uint8Array): { code?: string; pointers?: string[] } {
  try {
    const problem = JSON.parse(new TextDecoder().decode(bytes)) as { code?: unknown; pointers?: unknown };
    const code = typeof problem.code === "string" && /^[a-z0-9_]{1,64}$/.test(problem.code) ? problem.code : undefined;
    const pointers = Array.isArray(problem.pointers)
      ? problem.pointers.filter((pointer): pointer is string => typeof pointer === "string" && POINTER.test(pointer))
      : [];
    return { ...(code ? { code } : {}), ...(pointers.length > 0 ? { pointers } : {}) };
  } catch {
    return {}; // a proxy's page is no problem document
  }
}

/** Names the exchange and the path, so that a header seen elsewhere opens nothing else. */
export async function deviceHeader(
  device: DeviceKey,
  { origin, path, nowMs }: { origin: string; path: string; nowMs: number },
): Promise<string> {
  const payload = { aud: origin, iat: Math.floor(nowMs / 1000), path: path.split("?")[0] as string };
  return `Device ${base64urlOf(await signEnvelope("bw-device+jws", payload, [signingKey(device)]))}`;
}

export function jsonBody(value: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(jcs(value)) as Uint8Array<ArrayBuffer>;
}
