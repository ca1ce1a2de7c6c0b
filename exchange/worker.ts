/** The Worker: bindings are parsed, deps made for one request, and all else handed over. */
import { handle, runScheduled } from "./app.ts";
import { type ParsedBindings, parseBindings } from "./platform/bindings.ts";
import { toExchangeError } from "./platform/db-errors.ts";
import { depsOver } from "./platform/deps.ts";
import { makeEvents } from "./platform/events.ts";
import { problemResponse } from "./platform/http.ts";

export default {
  async fetch(request, env, ctx) {
    let bindings: ParsedBindings;
    try {
      bindings = parseBindings(env);
    } catch (error) {
      return refuseAll(error);
    }
    return handle(request, depsOver(bindings), {
      assets: bindings.assets,
      waitUntil: (work) => ctx.waitUntil(work),
    });
  },

  async scheduled(_event, env) {
    await runScheduled(depsOver(parseBindings(env)));
  },
} satisfies ExportedHandler;

// Configuration that cannot be read refuses all traffic, health checks included: half an exchange is none.
function refuseAll(error: unknown): Response {
  const refusal = toExchangeError(error);
  const bindings = refusal.detail.bindings;
  makeEvents().configInvalid({ bindings: Array.isArray(bindings) ? bindings.join(".") : "unknown" });
  return problemResponse(refusal);
}
