/** The edges of HTTP that every route shares: bodies read within a limit, queries parsed, refusals written, routes described. */
import { ExchangeError, formatProblem, PROBLEMS, type ProblemCode } from "@breakwater/shared/problem.ts";
import type { Context, MiddlewareHandler } from "hono";
import { describeRoute, resolver, validator } from "hono-openapi";
import type { z } from "zod";
import type { Env } from "./deps.ts";

/** JSON bodies; signed things have limits of their own. */
export const JSON_MAX_BYTES = 64 * 1024;

export const PROBLEM_TYPE = "application/problem+json";
export const JOSE_TYPE = "application/jose+json";

/** The media type alone, lower case, without parameters. */
export function mediaTypeOf(c: Context): string {
  return (c.req.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/**
 * The whole body, never more than `maxBytes` of it in memory.
 *
 * @throws ExchangeError `tooLarge` (default `request_too_large`)
 */
export async function readBody(c: Context, maxBytes: number, tooLarge: ProblemCode = "request_too_large") {
  if (Number(c.req.header("content-length") ?? 0) > maxBytes)
    throw new ExchangeError(tooLarge, { max_bytes: maxBytes });
  const stream = c.req.raw.body;
  if (stream === null) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > maxBytes) {
      await reader.cancel().catch(() => {});
      throw new ExchangeError(tooLarge, { max_bytes: maxBytes });
    }
    parts.push(value);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Refuses other media types before the body is read. */
export function requireType(...types: string[]): MiddlewareHandler<Env> {
  return async (c, next) => {
    if (!types.includes(mediaTypeOf(c))) throw new ExchangeError("content_type_unsupported", { expected: types });
    await next();
  };
}

/** Middleware: a JSON body of this schema, documented by it; read with `c.req.valid("json")`. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  const validate = validator("json", schema, (result) => {
    if (!result.success) throw invalidBy("request_invalid", result.error);
  });
  const checked: typeof validate = async (c, next) => {
    // The validator takes another type for an empty object; a caller is better told.
    if (mediaTypeOf(c) !== "application/json") {
      throw new ExchangeError("content_type_unsupported", { expected: ["application/json"] });
    }
    return validate(c, next);
  };
  // The description for /openapi.json hangs on the function under a symbol.
  return Object.assign(checked, validate);
}

/** Middleware: a query of this schema; read with `c.req.valid("query")`. */
export function query<Schema extends z.ZodType>(schema: Schema) {
  return validator("query", schema, (result) => {
    if (!result.success) throw invalidBy("query_invalid", result.error);
  });
}

/** Middleware: path parameters of this schema. What cannot name anything names nothing: 404, as for what is not there. */
export function params<Schema extends z.ZodType>(schema: Schema) {
  return validator("param", schema, (result) => {
    if (!result.success) throw new ExchangeError("not_found");
  });
}

type Issue = { readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined };

const DETAIL_MAX_FIELDS = 20;
// A closed schema says the unknown member's path, and that member's name is the sender's text.
const FIELD_NAME = /^[a-z0-9_]{1,40}$/;

// Where it is wrong, never what was sent.
function invalidBy(code: ProblemCode, issues: readonly Issue[]): ExchangeError {
  const fields = issues.map((issue) =>
    (issue.path ?? [])
      .map((part) => String(typeof part === "object" ? part.key : part))
      .map((name) => (FIELD_NAME.test(name) ? name : "?"))
      .join("."),
  );
  return new ExchangeError(code, { fields: [...new Set(fields)].slice(0, DETAIL_MAX_FIELDS) });
}

/** `If-None-Match` (RFC 9110 §13.1.2): a list of tags, weak ones included, or `*`. */
export function isCurrent(ifNoneMatch: string | undefined, digest: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(`"${digest}"`);
}

/** A refusal as an answer. */
export function problemResponse(error: ExchangeError, instance?: string): Response {
  const headers = new Headers({ "Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store" });
  const retryAfter = error.detail.retry_after;
  if (typeof retryAfter === "number") headers.set("Retry-After", String(retryAfter));
  else if (error.status === 503 || error.status === 429) headers.set("Retry-After", "2");
  if (error.status === 401) headers.set("WWW-Authenticate", 'Bearer realm="breakwater"');
  return new Response(JSON.stringify(formatProblem(error, instance)), { status: error.status, headers });
}

export type RouteText = {
  tag: "publishing" | "reading" | "members" | "devices" | "session" | "hotline" | "reports" | "log" | "operations";
  summary: string;
  /** Who may call: documented, and enforced by the middleware beside it. */
  auth: ("key" | "person" | "device" | "open")[];
  /** Success answers: a schema, or a media type for answers that are not JSON, or null for none. */
  answers: Record<number, z.ZodType | string | null>;
  /** Codes of its own; those that any route may give are added. */
  problems?: ProblemCode[];
};

/** The route's entry in /openapi.json. Must stand first in the route's list: a house test reads routes by it. */
export function describe({ tag, summary, auth, answers, problems = [] }: RouteText): MiddlewareHandler {
  const responses: NonNullable<Parameters<typeof describeRoute>[0]["responses"]> = {};
  for (const [status, answer] of Object.entries(answers)) {
    responses[status] = { description: summary, ...contentOf(answer) };
  }
  const byStatus = Map.groupBy(problems, (code) => PROBLEMS[code].status);
  for (const [status, codes] of byStatus) {
    responses[String(status)] = {
      description: codes.map((code) => `\`${code}\``).join(", "),
      content: { [PROBLEM_TYPE]: {} },
    };
  }
  return describeRoute({
    tags: [tag],
    summary,
    security: auth.map((kind) => (kind === "open" ? {} : { [kind]: [] })),
    responses,
  });
}

function contentOf(answer: z.ZodType | string | null) {
  if (answer === null) return {};
  if (typeof answer === "string") return { content: { [answer]: {} } };
  return { content: { "application/json": { schema: resolver(answer) } } };
}
