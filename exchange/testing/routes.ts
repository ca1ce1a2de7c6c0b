/** Every route of an app, once each. */
import type { Hono } from "hono";
import type { Env } from "../platform/deps.ts";

export type ListedRoute = { method: string; path: string };

/** In order of registration; middleware and the console's catch-all left out. */
export function listRoutes(app: Hono<Env>): ListedRoute[] {
  const seen = new Map<string, ListedRoute>();
  for (const { method, path } of app.routes) {
    if (method === "ALL" || path.includes("*")) continue;
    seen.set(`${method} ${path}`, { method, path });
  }
  return [...seen.values()];
}
