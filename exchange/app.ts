/** The table of contents: middleware in order, every slice mounted, one place where an error becomes an answer. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { matchedRoutes } from "hono/route";
import { auditRetention } from "./audit/index.ts";
import { feed, feedRetention, proofs } from "./feed/index.ts";
import { logJobs, logRoutes, schedulePublication } from "./log/index.ts";
import { lookup, lookupJobs, lookupRetention, purgeLookup, scheduleLookup } from "./lookup/index.ts";
import { members, membersJobs, membersRetention } from "./members/index.ts";
import { openapi, operations } from "./operations.ts";
import { opinions, opinionsRetention, purgeOpinions } from "./opinions/index.ts";
import type { Assets } from "./platform/bindings.ts";
import { bodyGate } from "./platform/body-gate.ts";
import { reasonOf, toExchangeError } from "./platform/db-errors.ts";
import type { Deps, Env, OpenDeps } from "./platform/deps.ts";
import { asConsoleAnswer, extensionCors, securityHeaders } from "./platform/headers.ts";
import { problemResponse } from "./platform/http.ts";
import { type JobHandlers, jobsRetention, runDueJobs } from "./platform/jobs.ts";
import { ratesRetention } from "./platform/rates.ts";
import { isRestoring, restoringGate } from "./platform/restore-state.ts";
import { type RetentionRule, retentionJobs, retentionRetention, scheduleRetention } from "./platform/retention.ts";
import { recalls, recallsJobs, recallsRetention } from "./recalls/index.ts";
import { purgeReports, reports, reportsJobs, reportsRetention, scheduleReports } from "./reports/index.ts";
import { recover, restoreJobs, scheduleRestore } from "./restore/index.ts";
import { scheduleSets, sets, setsJobs, setsRetention } from "./sets/index.ts";

/** Every slice's routes; each carries its full paths. */
const slices: Hono<Env>[] = [members, sets, recalls, feed, proofs, lookup, opinions, logRoutes, reports];

/** Every rule by which rows end. */
export const retention: RetentionRule[] = [
  ...auditRetention,
  ...membersRetention,
  ...setsRetention,
  ...recallsRetention,
  ...feedRetention,
  ...lookupRetention,
  ...opinionsRetention,
  ...reportsRetention,
  ...jobsRetention,
  ...ratesRetention,
  ...retentionRetention,
];

/** Every kind of job and what runs it. */
export const jobs: JobHandlers = {
  ...membersJobs,
  ...logJobs,
  ...setsJobs([purgeReports, purgeLookup, purgeOpinions]),
  ...recallsJobs,
  ...lookupJobs,
  ...reportsJobs,
  ...restoreJobs,
  ...retentionJobs(retention),
};

/** What makes sure that periodic jobs exist; run by every scheduled event. */
const schedules: ((deps: Deps) => Promise<void>)[] = [
  scheduleRetention,
  schedulePublication,
  scheduleSets,
  scheduleLookup,
  scheduleReports,
  scheduleRestore,
];

/** After an answered request that queued jobs; the scheduled run does the rest. */
const JOBS_AFTER_REQUEST = 4;
const JOBS_PER_TICK = 50;
/** What is due is purged before a restored exchange answers, not when its turn comes. */
const PURGE_NOW = { id: "restore", kind: "sets.purge", key: "restore", payload: {}, attempts: 1 };

export const app = new Hono<Env>();

app.use(async (c, next) => {
  c.set("deps", c.env.deps);
  c.set("requestId", crypto.randomUUID());
  await next();
});
app.use(securityHeaders());
app.use(extensionCors());
app.use(bodyGate());
app.use(restoringGate());
app.route("/", operations(retention));
for (const slice of slices) app.route("/", slice);
app.get("/openapi.json", openapi(app));
// What no route of the API took is the console's, if it is a page at all.
app.get("*", async (c) => {
  const path = new URL(c.req.url).pathname;
  if (/^\/(v1|log|\.well-known)(\/|$)/.test(path) || c.env.assets === undefined) {
    throw new ExchangeError("not_found");
  }
  return asConsoleAnswer(await c.env.assets.fetch(c.req.raw));
});
app.notFound(() => {
  throw new ExchangeError("not_found");
});

app.onError((error, c) => {
  const refusal = error instanceof HTTPException ? httpRefusal(error) : toExchangeError(error);
  const line = {
    request_id: c.var.requestId,
    method: c.req.method,
    // The pattern: a path holds what the caller typed.
    route: matchedRoutes(c).find(({ path }) => !path.endsWith("*"))?.path ?? "*",
    code: refusal.code,
  };
  if (refusal.status >= 500) c.var.deps.events.requestFailed({ ...line, reason: reasonOf(error) });
  else c.var.deps.events.requestRefused({ ...line, status: refusal.status });
  return problemResponse(refusal, `urn:uuid:${c.var.requestId}`);
});

// Hono's own: a body that is not JSON, or a method that it does not know.
function httpRefusal(error: HTTPException): ExchangeError {
  if (error.status === 400) return new ExchangeError("json_invalid", {}, { cause: error });
  if (error.status === 413) return new ExchangeError("request_too_large", {}, { cause: error });
  return new ExchangeError("internal", {}, { cause: error });
}

export type After = { assets?: Assets | undefined; waitUntil: (work: Promise<unknown>) => void };

/** One request: answered, then the work it left behind, then its connection closed. */
export async function handle(request: Request, open: OpenDeps, { assets, waitUntil }: After): Promise<Response> {
  try {
    return await app.fetch(request, { deps: open.deps, assets });
  } finally {
    waitUntil(afterwards(open));
  }
}

async function afterwards({ deps, wasNudged, close }: OpenDeps): Promise<void> {
  if (wasNudged()) {
    deps.defer(
      runDueJobs(deps, jobs, { limit: JOBS_AFTER_REQUEST }).catch((error: unknown) =>
        deps.events.scheduledFailed({ step: "after_request", reason: reasonOf(error) }),
      ),
    );
  }
  await close();
}

/** One tick of the clock: periodic jobs exist, due ones run. */
export async function runScheduled({ deps, close }: OpenDeps): Promise<void> {
  try {
    if (await isRestoring(deps)) {
      await recover(deps, { purge: async () => jobs["sets.purge"]?.(deps, PURGE_NOW), retention });
      return;
    }
    for (const schedule of schedules) await schedule(deps);
    const ran = await runDueJobs(deps, jobs, { limit: JOBS_PER_TICK });
    if (ran > 0) deps.events.scheduledRun({ jobs: ran });
  } catch (error) {
    // The next tick tries again; a throw would put the database's own words into the runtime's log.
    deps.events.scheduledFailed({ step: "jobs", reason: reasonOf(error) });
  } finally {
    await close();
  }
}
