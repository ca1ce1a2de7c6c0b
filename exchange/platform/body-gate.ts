/** What a body may be, before anything reads it: its length and its media type, by route. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { MiddlewareHandler } from "hono";
import type { Env } from "./deps.ts";
import { JOSE_TYPE, JSON_MAX_BYTES, mediaTypeOf, readBody } from "./http.ts";

/** A blob upload bounds itself by its declared length (411 without one) while it streams. */
const STREAMED = /^\/v1\/blobs\/sha256\/[^/]+$/;
/** Signed reports; the route's own limit is the exact one. */
const REPORTS = /^\/v1\/reports$/;
const REPORT_BODY_MAX_BYTES = 96 * 1024;

const JSON_TYPES = ["application/json", JOSE_TYPE, "application/vnd.breakwater.statement+json"];

/**
 * Refuses a foreign media type before reading, and reads at most the route's limit: what runs later holds a body
 * that is whole and small, whether its length was declared or it came in chunks.
 */
export function bodyGate(): MiddlewareHandler<Env> {
  return async (c, next) => {
    const path = new URL(c.req.url).pathname;
    if (c.req.raw.body === null || STREAMED.test(path)) return next();
    if (c.req.method === "GET" || c.req.method === "HEAD" || c.req.method === "OPTIONS") return next();
    // workerd gives a request without a body an empty stream.
    if (c.req.header("content-length") === "0") return next();
    if (c.req.header("content-type") !== undefined && !JSON_TYPES.includes(mediaTypeOf(c))) {
      throw new ExchangeError("content_type_unsupported", { expected: JSON_TYPES });
    }
    const isReport = REPORTS.test(path);
    const bytes = await readBody(
      c,
      isReport ? REPORT_BODY_MAX_BYTES : JSON_MAX_BYTES,
      isReport ? "report_too_large" : "request_too_large",
    );
    if (bytes.length > 0 && c.req.header("content-type") === undefined) {
      throw new ExchangeError("content_type_unsupported", { expected: JSON_TYPES });
    }
    c.req.raw = new Request(c.req.raw, { body: bytes });
    await next();
  };
}
