/** The daemon's HTTP face: who may ask, what is read, and where it goes. Whatever is matched is matched in another thread. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { CountryCode } from "@breakwater/shared/vocab/country.ts";
import { MATCH_BODY_MAX_BYTES, MATCH_MEDIA_MAX_BYTES, MATCH_REF_MAX_CHARS } from "@breakwater/shared/wire/match.ts";
import type { Engine, EngineAnswer } from "./engine.ts";
import { answer, answerProblem, type Budget, JSON_TYPE, makeBudget, mediaTypeOf, readBody } from "./http-body.ts";
import {
  HEADER_MAX_BYTES,
  HEADERS_TIMEOUT_MS,
  IN_FLIGHT_MAX_BYTES,
  IN_FLIGHT_MAX_REQUESTS,
  KEEP_ALIVE_MS,
  MEDIA_IN_FLIGHT_MAX_BYTES,
  MEDIA_IN_FLIGHT_MAX_REQUESTS,
  REQUEST_TIMEOUT_MS,
  RETRY_AFTER_SECONDS,
} from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";
import { readMedia } from "./read-media.ts";
import { refuseBrowsers, type Token } from "./token.ts";
import { makeTurns, type Turns } from "./turns.ts";

export type ServerOptions = {
  engine: Engine;
  metrics: Metrics;
  /** The address that is bound, for the check of who may be asking. */
  host: string;
  token?: Token | undefined;
  acceptMedia: boolean;
  maxAgeSeconds: number;
  isDraining(): boolean;
};

type Asked = { request: IncomingMessage; response: ServerResponse; url: URL; options: ServerOptions; budgets: Budgets };
type Budgets = {
  batches: Budget;
  requests: Budget;
  media: Budget;
  mediaRequests: Budget;
  /** Whose file is decoded now. */
  mediaTurns: Turns;
};
type Route = { method: "GET" | "POST"; open?: true; handle(asked: Asked): Promise<void> };

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const MEDIA_TYPE = "application/octet-stream";

const ROUTES: Record<string, Route> = {
  "/v1/match": { method: "POST", handle: answerMatch },
  "/v1/match/media": { method: "POST", handle: answerMedia },
  "/openapi.json": { method: "GET", open: true, handle: answerOpenApi },
  "/healthz": { method: "GET", open: true, handle: answerHealth },
  "/readyz": { method: "GET", open: true, handle: answerReady },
  "/metrics": { method: "GET", handle: answerMetrics },
};

/** What is answered at all. */
export const PATHS = Object.keys(ROUTES);

export function makeServer(options: ServerOptions): Server {
  const budgets: Budgets = {
    batches: makeBudget(IN_FLIGHT_MAX_BYTES),
    requests: makeBudget(IN_FLIGHT_MAX_REQUESTS),
    media: makeBudget(MEDIA_IN_FLIGHT_MAX_BYTES),
    mediaRequests: makeBudget(MEDIA_IN_FLIGHT_MAX_REQUESTS),
    mediaTurns: makeTurns(),
  };
  const server = createServer({ maxHeaderSize: HEADER_MAX_BYTES }, (request, response) => {
    void handle(request, response, options, budgets);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
  budgets: Budgets,
): Promise<void> {
  // What is no address at all, such as `//`, is answered like one that is not here: it must not end the daemon.
  const url = URL.parse(request.url ?? "/", "http://daemon.invalid");
  const route = url !== null && Object.hasOwn(ROUTES, url.pathname) ? ROUTES[url.pathname] : undefined;
  const label = url === null || route === undefined ? "other" : url.pathname;
  const counted = budgets.requests.take(1);
  // While the daemon goes down, each connection ends with the answer that it is waiting for.
  if (options.isDraining()) response.setHeader("connection", "close");
  try {
    if (!counted) throw new ExchangeError("busy", { retry_after_s: RETRY_AFTER_SECONDS });
    refuseBrowsers(request.headers, options.host);
    if (url === null || route === undefined) throw new ExchangeError("not_found");
    if (request.method !== route.method) throw new ExchangeError("method_not_allowed", { allowed: [route.method] });
    if (!route.open && !isTrusted(request, options)) throw new ExchangeError("unauthenticated");
    await route.handle({ request, response, url, options, budgets });
  } catch (error) {
    const known = error instanceof ExchangeError ? error : new ExchangeError("internal");
    answerProblem(request, response, known);
  } finally {
    if (counted) budgets.requests.give(1);
    options.metrics.count("breakwater_requests_total", { route: label, status: String(response.statusCode) });
  }
}

function isTrusted(request: IncomingMessage, { token }: ServerOptions): boolean {
  return token === undefined || token.matches(request.headers.authorization);
}

async function answerMatch({ request, response, options, budgets }: Asked): Promise<void> {
  requireType(request, JSON_TYPE);
  const { bytes, release } = await readBody(request, MATCH_BODY_MAX_BYTES, budgets.batches);
  try {
    await answerMatched(options, response, () => options.engine.match(bytes));
  } finally {
    release();
  }
}

async function answerMedia({ request, response, url, options, budgets }: Asked): Promise<void> {
  if (!options.acceptMedia) throw new ExchangeError("media_not_accepted");
  requireType(request, MEDIA_TYPE);
  const about = parseAbout(url.searchParams);
  if (!budgets.mediaRequests.take(1)) throw new ExchangeError("busy", { retry_after_s: RETRY_AFTER_SECONDS });
  try {
    const { bytes, release } = await readMedia(request, MATCH_MEDIA_MAX_BYTES, budgets.media);
    try {
      await budgets.mediaTurns(() => answerMatched(options, response, () => options.engine.media(bytes, about)));
    } finally {
      release();
    }
  } finally {
    budgets.mediaRequests.give(1);
  }
}

async function answerMatched(
  { metrics }: ServerOptions,
  response: ServerResponse,
  ask: () => Promise<EngineAnswer>,
): Promise<void> {
  const startedMs = performance.now();
  const { body, tally } = await ask();
  metrics.observeSeconds((performance.now() - startedMs) / 1000);
  for (const [what, count] of Object.entries(tally.items))
    if (count > 0) metrics.count("breakwater_items_total", { what }, count);
  for (const { set, action, count } of tally.hits) metrics.count("breakwater_hits_total", { set, action }, count);
  for (const [code, count] of Object.entries(tally.problems))
    metrics.count("breakwater_item_problems_total", { code }, count);
  for (const [why, count] of Object.entries(tally.notCompared))
    metrics.count("breakwater_not_compared_total", { why }, count);
  if (tally.ledgerFailures > 0) metrics.count("breakwater_ledger_failures_total", {}, tally.ledgerFailures);
  answer(response, 200, JSON_TYPE, body);
}

async function answerHealth({ request, response, options }: Asked): Promise<void> {
  const { health } = await options.engine.standing(options.maxAgeSeconds);
  // Which sets there are is for those who may ask; a probe needs to know only whether all is well.
  const body = isTrusted(request, options) ? health : { ok: health.ok };
  answer(response, health.ok ? 200 : 503, JSON_TYPE, `${JSON.stringify(body)}\n`);
}

async function answerReady({ response, options }: Asked): Promise<void> {
  const ready = !options.isDraining() && (await options.engine.standing(options.maxAgeSeconds)).ready;
  answer(response, ready ? 200 : 503, JSON_TYPE, `${JSON.stringify({ ready })}\n`);
}

async function answerMetrics({ response, options }: Asked): Promise<void> {
  const { health, ready, acting } = await options.engine.standing(options.maxAgeSeconds);
  const residentBytes = process.memoryUsage.rss();
  const startedAt = new Date(Date.now() - process.uptime() * 1000);
  answer(response, 200, METRICS_TYPE, options.metrics.format({ health, ready, acting, residentBytes, startedAt }));
}

async function answerOpenApi({ request, response }: Asked): Promise<void> {
  const { localAddress, localPort } = request.socket;
  const host = localAddress?.includes(":") ? `[${localAddress}]` : localAddress;
  answer(response, 200, JSON_TYPE, `${JSON.stringify(openApi(`http://${host}:${localPort}`))}\n`);
}

function requireType(request: IncomingMessage, expected: string): void {
  if (mediaTypeOf(request) !== expected) throw new ExchangeError("content_type_unsupported", { expected: [expected] });
}

function parseAbout(query: URLSearchParams): { ref?: string; country?: string } {
  const ref = query.get("ref");
  const country = query.get("country");
  if (ref !== null && (ref === "" || ref.length > MATCH_REF_MAX_CHARS))
    throw new ExchangeError("query_invalid", { path: "/ref" });
  if (country !== null && !CountryCode.safeParse(country).success)
    throw new ExchangeError("query_invalid", { path: "/country" });
  return { ...(ref === null ? {} : { ref }), ...(country === null ? {} : { country }) };
}
