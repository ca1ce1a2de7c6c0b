/** Every route of an app with who may call it, read from the app itself. */
import type { Hono } from "hono";
import type { Allowed } from "../members/index.ts";
import type { Env } from "../platform/deps.ts";

export type ListedRoute = {
  method: string;
  path: string;
  /** From the route's `require…` middleware; undefined when nobody is asked who they are. */
  allowed: Allowed | undefined;
};

/** Routes that answer without asking who is calling; each has another reason to answer, or nothing to hide. */
export const OPEN_ROUTES = [
  "GET /healthz",
  "GET /readyz",
  "GET /openapi.json",
  "GET /.well-known/breakwater.json",
  // Whoever may check the log may read it.
  "GET /log/checkpoint",
  "GET /log/tile/entries/:index{.+}",
  "GET /log/tile/:level/:index{.+}",
  // A one-time token in the body.
  "POST /v1/session",
  // An invite's secret in the body.
  "POST /v1/devices",
  // Signed by the device as a whole.
  "POST /v1/reports",
];

/** In order of registration; middleware and the console's catch-all left out. */
export function listRoutes(app: Hono<Env>): ListedRoute[] {
  const seen = new Map<string, ListedRoute>();
  for (const { method, path, handler } of app.routes) {
    if (method === "ALL" || path.includes("*")) continue;
    const key = `${method} ${path}`;
    const { allowed } = handler as { allowed?: Allowed };
    seen.set(key, { method, path, allowed: allowed ?? seen.get(key)?.allowed });
  }
  return [...seen.values()];
}

/** Values that are well formed and name nothing. */
const NOTHING: Record<string, string> = {
  publisher: "nobody.example",
  set: "nothing",
  name: "nobody",
  hex: "0".repeat(64),
  n: "4711",
  version: "4711",
  id: "0".repeat(32),
};

/** The route's path with parameters that name nothing, or what is given. */
export function fillPath(path: string, values: Record<string, string> = {}): string {
  const id = path.includes("/keys/") ? "0".repeat(16) : NOTHING.id;
  return path.replace(
    /:([a-z_]+)(\{[^}]*\})?/g,
    (_, name: string) => values[name] ?? (name === "id" ? id : NOTHING[name]) ?? "0",
  );
}
