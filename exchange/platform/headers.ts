/** Headers of every answer: what a browser may do with it, and which extension pages may read it. */
import type { MiddlewareHandler } from "hono";
import type { Env } from "./deps.ts";

/** For answers that are data: nothing in them is ever a page. */
const DATA_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/** For the console: its own scripts and styles, its own exchange, no image and no frame from anywhere. */
const CONSOLE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'none'; " +
  "img-src 'none'; media-src 'none'; object-src 'none'; frame-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const HSTS = "max-age=63072000; includeSubDomains";
const PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()";

/** Last in, first out: stands before everything else, so that refusals carry the headers too. */
export function securityHeaders(): MiddlewareHandler<Env> {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("Cross-Origin-Opener-Policy", "same-origin");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
    headers.set("X-Frame-Options", "DENY");
    headers.set("Permissions-Policy", PERMISSIONS);
    if (!headers.has("Content-Security-Policy")) headers.set("Content-Security-Policy", DATA_CSP);
    // What depends on the caller is not kept by anything between, unless a route says otherwise.
    if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
    if (c.var.deps?.config.secure) headers.set("Strict-Transport-Security", HSTS);
  };
}

/** The same answer under the console's policy. */
export function asConsoleAnswer(answer: Response): Response {
  const response = new Response(answer.body, answer);
  response.headers.set("Content-Security-Policy", CONSOLE_CSP);
  return response;
}

/** What the extension calls; nothing else answers to another origin. */
const EXTENSION_ROUTES: { methods: string[]; path: RegExp }[] = [
  { methods: ["POST"], path: /^\/v1\/devices$/ },
  { methods: ["GET"], path: /^\/v1\/devices\/me$/ },
  { methods: ["POST"], path: /^\/v1\/devices\/me\/renew$/ },
  { methods: ["GET"], path: /^\/v1\/hotline\/recipients$/ },
  { methods: ["POST"], path: /^\/v1\/reports$/ },
  { methods: ["GET"], path: /^\/v1\/reports\/[^/]+$/ },
  { methods: ["GET"], path: /^\/\.well-known\/breakwater\.json$/ },
  { methods: ["GET"], path: /^\/healthz$/ },
];
const EXTENSION_ORIGIN = /^(chrome-extension:\/\/[a-p]{32}|moz-extension:\/\/[0-9a-f-]{36})$/;
export const CORS_MAX_AGE_S = 600;

/** CORS for extension pages. Never with credentials: a device signs, it has no cookie. */
export function extensionCors(): MiddlewareHandler<Env> {
  return async (c, next) => {
    const origin = c.req.header("origin");
    const path = new URL(c.req.url).pathname;
    const routes = EXTENSION_ROUTES.filter((route) => route.path.test(path));
    const allowed = routes.length > 0 && origin !== undefined && EXTENSION_ORIGIN.test(origin);
    if (c.req.method === "OPTIONS" && routes.length > 0) {
      const headers = new Headers({ Vary: "Origin" });
      if (allowed) {
        headers.set("Access-Control-Allow-Origin", origin);
        headers.set("Access-Control-Allow-Methods", routes.flatMap((route) => route.methods).join(", "));
        headers.set("Access-Control-Allow-Headers", "authorization, content-type");
        headers.set("Access-Control-Max-Age", String(CORS_MAX_AGE_S));
      }
      c.res = new Response(null, { status: 204, headers });
      return;
    }
    await next();
    if (routes.length === 0) return;
    c.res.headers.append("Vary", "Origin");
    if (!allowed) return;
    c.res.headers.set("Access-Control-Allow-Origin", origin);
    // The date: a panel whose clock is off says so, and signs its proofs by the exchange's time.
    c.res.headers.set("Access-Control-Expose-Headers", "date, retry-after, breakwater-forward");
    // The answer is for that other origin.
    c.res.headers.set("Cross-Origin-Resource-Policy", "cross-origin");
  };
}
