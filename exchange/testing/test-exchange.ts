/** A whole exchange for tests: the real app on real Postgres, objects and signer in memory, and a clock that is turned by hand. */
import type { LogOrigin } from "@breakwater/shared/ids.ts";
import { app, handle, jobs, runScheduled } from "../app.ts";
import { openLogSignerCore } from "../log-signer/core.ts";
import { bootstrapOperator } from "../members/index.ts";
import type { Config } from "../platform/bindings.ts";
import { makeDeps, type OpenDeps } from "../platform/deps.ts";
import { type EventLine, makeEvents } from "../platform/events.ts";
import { runDueJobs } from "../platform/jobs.ts";
import type { KillPoint } from "../platform/kill-points.ts";
import type { LogSigner } from "../platform/log-signer.ts";
import { memoryObjects } from "../platform/memory-objects.ts";
import type { Signer } from "../platform/signer.ts";
import { openSignerCore } from "../signer/core.ts";
import { openMemoryState } from "../signer/state.ts";
import { type Actors, makeActors } from "./actors.ts";
import { openSchema } from "./schema.ts";

export const TEST_ORIGIN = "https://exchange.example";
export const TEST_LOG_ORIGIN = "exchange.example/log1" as LogOrigin;
export const TEST_START = new Date("2026-11-22T09:00:00.000Z");

/** Who asks, in place of headers. */
export type As = { key?: string | undefined; cookie?: string | undefined; device?: string | undefined };
export type TestRequest = Omit<RequestInit, "body"> &
  As & {
    json?: unknown;
    body?: BodyInit | Uint8Array | null /** Origin header; the exchange's own for a cookie. */;
    origin?: string | null;
  };

/** What a kill point throws in tests: the request ends there, as if the process had. */
export class Killed extends Error {}

export type TestExchange = Awaited<ReturnType<typeof openTestExchange>>;

export async function openTestExchange(options: { config?: Partial<Config> } = {}) {
  const schema = await openSchema();
  let nowMs = TEST_START.getTime();
  const now = () => new Date(nowMs);
  const clock = {
    now,
    advance: (ms: number) => {
      nowMs += ms;
    },
    set: (at: Date) => {
      nowMs = at.getTime();
    },
  };
  const objects = memoryObjects(now);
  const signer: Signer = await openSignerCore({ state: openMemoryState(), secret: "test-only-".repeat(8) });
  const logSigner: LogSigner = await openLogSignerCore({ state: openMemoryState(), secret: "test-only-".repeat(8) });
  const logged: (EventLine & { event: string; at: string })[] = [];
  const events = makeEvents((line) => void logged.push(line), now);
  const config: Config = {
    origin: TEST_ORIGIN,
    name: "Test Exchange",
    version: "0.1.0",
    secure: true,
    logOrigin: TEST_LOG_ORIGIN,
    // A clock that stands still would make each publication wait.
    logPaceMs: 0,
    ...options.config,
  };
  const pending = new Set<Promise<unknown>>();
  let killAt: KillPoint | undefined;
  let once: { at: KillPoint; work: () => Promise<void> } | undefined;

  /** As the Worker makes them: one connection, closed at the end. */
  function openDeps(): OpenDeps {
    return makeDeps({
      databaseUrl: schema.pooledUrl,
      objects,
      signer,
      logSigner,
      config,
      now,
      events,
      killPoint: async (name) => {
        if (name === once?.at) {
          const { work } = once;
          once = undefined;
          await work();
        }
        if (name === killAt) throw new Killed(name);
      },
    });
  }

  function waitUntil(work: Promise<unknown>): void {
    pending.add(work);
    work.finally(() => pending.delete(work)).catch(() => {});
  }

  async function request(path: string, init: TestRequest = {}): Promise<Response> {
    return handle(asRequest(path, init, config.origin), openDeps(), { waitUntil });
  }

  /** Deferred work of all requests so far, jobs they began included. */
  async function settle(): Promise<void> {
    while (pending.size > 0) await Promise.allSettled([...pending]);
  }

  /** Runs `work` with deps of its own, as a job or tick would have. */
  async function withDeps<T>(work: (deps: OpenDeps["deps"]) => Promise<T>): Promise<T> {
    const open = openDeps();
    try {
      return await work(open.deps);
    } finally {
      await open.close();
    }
  }

  const operatorKey = await withDeps(async ({ sql, random }) => (await bootstrapOperator(sql, now(), random)).apiKey);
  const base = {
    app,
    origin: config.origin,
    databaseUrl: schema.url,
    sql: schema.sql,
    objects,
    signer,
    logSigner,
    clock,
    /** Every event so far. */
    logged,
    operatorKey,
    request,
    settle,
    withDeps,
    /** All jobs due now, until none is left. */
    runJobs: () => withDeps((deps) => runDueJobs(deps, jobs, { limit: 1_000 })),
    /** What the Worker does on a cron event. */
    tick: () => runScheduled(openDeps()),
    /** The next pass of this point throws `Killed`; undefined ends it. */
    killAt: (name: KillPoint | undefined) => {
      killAt = name;
    },
    /** What happens beside the work when it next passes this point. */
    onceAt: (at: KillPoint, work: () => Promise<void>) => {
      once = { at, work };
    },
    async close() {
      await settle();
      await schema.drop();
    },
  };
  return Object.assign(base, makeActors(base) satisfies Actors);
}

function asRequest(path: string, init: TestRequest, origin: string): Request {
  const { key, cookie, device, json, body, origin: from, headers: given, ...rest } = init;
  const headers = new Headers(given);
  if (key !== undefined) headers.set("authorization", `Bearer ${key}`);
  if (device !== undefined) headers.set("authorization", `Device ${device}`);
  if (cookie !== undefined) {
    headers.set("cookie", `bw_session=${cookie}`);
    // As a browser would on the console's page.
    if (from === undefined) headers.set("origin", origin);
  }
  if (typeof from === "string") headers.set("origin", from);
  if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
  const method = rest.method ?? (json === undefined && body === undefined ? "GET" : "POST");
  const content = json === undefined ? (body as BodyInit | undefined) : JSON.stringify(json);
  return new Request(new URL(path, origin), {
    ...rest,
    method,
    headers,
    ...(content === undefined ? {} : { body: content }),
    ...(content instanceof ReadableStream ? { duplex: "half" } : {}),
  });
}
