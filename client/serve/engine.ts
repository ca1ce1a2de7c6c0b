/**
 * The matching thread, and its succession: a change that would make requests wait is opened by a new thread while the old
 * one answers, and the old one ends when its last answer is out. A thread that has ended gives back all of its memory.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { ExchangeError, isProblemCode, type ProblemDetail } from "@breakwater/shared/problem.ts";
import type { EngineData, FromEngine, Standing, Tally, ToEngine } from "./engine-messages.ts";
import { DRAIN_MS, REOPEN_MS } from "./limits.ts";

export type EngineAnswer = { body: string; tally: Tally };
export type EngineEvents = {
  /** The controls' own events: ids and counts. */
  onTold(fact: object): void;
  /** A thread ended that should not have; another is being opened. */
  onCrash(kind: string): void;
  onReload(how: "light" | "whole", changed: number, failed: string[]): void;
};

export type Engine = {
  match(body: Uint8Array<ArrayBuffer>): Promise<EngineAnswer>;
  media(body: Uint8Array<ArrayBuffer>, about: { ref?: string; country?: string }): Promise<EngineAnswer>;
  standing(maxAgeSeconds: number): Promise<Standing>;
  /** Takes over what changed on the disk; asked again while one runs, it runs once more. */
  refresh(): Promise<void>;
  close(): Promise<void>;
};

type Reply = Exclude<FromEngine, { event: string }>;
type Without<T> = T extends unknown ? Omit<T, "id"> : never;
type Thread = {
  ask(message: Without<ToEngine>, transfer?: ArrayBuffer[]): Promise<Reply>;
  end(): Promise<void>;
  dead: boolean;
};

/** @throws ExchangeError when the copies cannot be opened at all */
export async function openEngine(data: EngineData, events: EngineEvents): Promise<Engine> {
  let closing = false;
  let current = await openThread(data, events, onEnd);
  let refreshing: Promise<void> | undefined;
  let again = false;
  const retiring = new Set<Promise<void>>();

  function onEnd(thread: Thread, kind: string): void {
    if (closing || thread !== current) return;
    events.onCrash(kind);
    void replaceDead();
  }

  /** Until one opens: what kept it from opening, such as a full disk, may be over in a while. */
  async function replaceDead(): Promise<void> {
    while (!closing && current.dead) {
      try {
        await succeed();
      } catch {
        await sleep(REOPEN_MS, undefined, { ref: false });
      }
    }
  }

  /** Opens a new thread and lets the old one go once it has answered everything. */
  async function succeed(): Promise<void> {
    const next = await openThread(data, events, onEnd);
    if (closing) return next.end();
    const old = current;
    current = next;
    const retired = old.end().finally(() => retiring.delete(retired));
    retiring.add(retired);
  }

  async function refreshOnce(): Promise<void> {
    const reply = await current.ask({ ask: "refresh" });
    if (!("refreshed" in reply)) return;
    const { changed, heavy, failed } = reply.refreshed;
    if (heavy.length === 0) {
      if (changed > 0 || failed.length > 0) events.onReload("light", changed, failed);
      return;
    }
    try {
      await succeed();
    } catch {
      // What was there before goes on; the next change on the disk is the next try.
      events.onReload("whole", changed, heavy);
      return;
    }
    // Two generations in memory are enough: the next change waits until the old one is gone.
    await Promise.all(retiring);
    events.onReload("whole", changed + heavy.length, failed);
  }

  async function answer(message: Without<ToEngine>, transfer: ArrayBuffer[]): Promise<EngineAnswer> {
    const reply = await current.ask(message, transfer);
    if (!("tally" in reply)) throw new ExchangeError("internal", { reason: "engine" });
    return { body: reply.body, tally: reply.tally };
  }

  return {
    match: (body) => answer({ ask: "match", body }, [body.buffer]),
    media: (body, about) => answer({ ask: "media", body, ...about }, [body.buffer]),
    async standing(maxAgeSeconds) {
      const reply = await current.ask({ ask: "standing", maxAgeSeconds });
      if (!("standing" in reply)) throw new ExchangeError("internal", { reason: "engine" });
      return reply.standing;
    },
    refresh() {
      again = refreshing !== undefined;
      refreshing ??= (async () => {
        do {
          again = false;
          await refreshOnce();
        } while (again && !closing);
      })().finally(() => {
        refreshing = undefined;
      });
      return refreshing;
    },
    async close() {
      closing = true;
      await refreshing?.catch(() => undefined);
      await Promise.all([current.end(), ...retiring]);
    },
  };
}

async function openThread(
  data: EngineData,
  events: EngineEvents,
  onEnd: (thread: Thread, kind: string) => void,
): Promise<Thread> {
  const waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: unknown) => void }>();
  // The picture decoder reads its own limits from the process's environment.
  const worker = new Worker(new URL("./engine-worker.ts", import.meta.url), { workerData: data, env: SHARE_ENV });
  let next = 0;
  let idle: () => void = () => undefined;

  function settle(reply: Reply): void {
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ("problem" in reply) asked?.reject(errorOf(reply.problem));
    else asked?.resolve(reply);
    if (waiting.size === 0) idle();
  }

  const thread: Thread = {
    dead: false,
    ask(message, transfer = []) {
      if (thread.dead) return Promise.reject(new ExchangeError("busy", { retry_after_s: 1 }));
      return new Promise((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, ...message } as ToEngine, transfer);
      });
    },
    async end() {
      if (!thread.dead && waiting.size > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve;
          setTimeout(resolve, DRAIN_MS).unref();
        });
      }
      if (!thread.dead) await thread.ask({ ask: "close" }).catch(() => undefined);
      thread.dead = true;
      await worker.terminate();
    },
  };

  await new Promise<void>((resolve, reject) => {
    function fail(kind: string): void {
      const wasDead = thread.dead;
      thread.dead = true;
      // Whoever waits asks again: the next thread has the same copies.
      for (const { reject: refuse } of waiting.values()) refuse(new ExchangeError("busy", { retry_after_s: 1 }));
      waiting.clear();
      idle();
      reject(new ExchangeError("internal", { reason: kind }));
      if (!wasDead) onEnd(thread, kind);
    }
    worker.on("message", (message: FromEngine) => {
      if (!("event" in message)) settle(message);
      else if (message.event === "ready") resolve();
      else events.onTold(message.fact);
    });
    worker.on("error", (error) => fail(error instanceof ExchangeError ? error.code : error.name));
    worker.on("exit", () => fail("ended"));
  });
  return thread;
}

function errorOf({ code, detail }: { code: string; detail: Record<string, unknown> }): ExchangeError {
  return new ExchangeError(isProblemCode(code) ? code : "internal", detail as ProblemDetail);
}
