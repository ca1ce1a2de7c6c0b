/** Taking back on the real runtime: pushed within seconds, polled in one request, and kept through a SIGKILL of all. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RECALL_KILL_POINTS } from "@breakwater/exchange/platform/kill-points.ts";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { type Seeded, seed } from "@breakwater/local/seed.ts";
import { recallBytes } from "@breakwater/shared/recall.ts";
import { recallNow } from "@breakwater/shared/testing/recall.ts";
import { RecallsAnswer } from "@breakwater/shared/wire/recalls.ts";
import { STATEMENT_CONTENT_TYPE } from "@breakwater/shared/wire/sets.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const SET = "/v1/sets/hotline.example/verified";
/** The figure is 60 seconds; push takes one poll of the rows, and a busy machine a few more. */
const PUSH_MS = 10_000;
const CATCH_UP_MS = 40_000;

let home: string;
let running: RunningExchange;
let seeded: Seeded;

async function start(env: Record<string, string> = {}): Promise<void> {
  running = await startExchange({ home, durable: false, env });
  seeded = await seed({ home, exchange: running, say: () => {}, signal: new AbortController().signal });
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "breakwater-recalls-"));
  await start();
}, 180_000);
afterAll(async () => {
  await running?.stop().catch(() => {});
  rmSync(home, { recursive: true, force: true });
});

const get = (path: string, signal?: AbortSignal) =>
  fetch(`${running.url}${path}`, {
    headers: { authorization: `Bearer ${seeded.profiles.company.apiKey}` },
    ...(signal === undefined ? {} : { signal }),
  });
const inForce = async () => RecallsAnswer.parse(await (await get(`${SET}/recalls`)).json());

async function recall(number: number): Promise<Response> {
  const statement = recallNow({ recall: number, releases: [1, 1] });
  return fetch(`${running.url}${SET}/recalls`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${seeded.profiles.hotline.apiKey}`,
      "content-type": STATEMENT_CONTENT_TYPE,
    },
    body: recallBytes(statement),
  });
}

/** Reads events until one fits, and hangs up without a word. */
async function waitForEvent(path: string, fits: RegExp, begun: () => Promise<void>): Promise<number> {
  const hangUp = new AbortController();
  const response = await get(path, hangUp.signal);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  expect(first).toContain('"set":"hotline.example/verified"');
  await begun();
  const since = Date.now();
  for (let text = ""; !fits.test(text); ) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the stream ended first");
    text += new TextDecoder().decode(value);
  }
  const took = Date.now() - since;
  hangUp.abort();
  return took;
}

describe("a recall", () => {
  it("is pushed within seconds, and the next poll of the head names it", async () => {
    const { recall: before } = await inForce();
    const tag = (await get(`${SET}/head`)).headers.get("etag") as string;
    const event = new RegExp(`"recall":${before + 1}\\}`);
    const took = await waitForEvent("/v1/events", event, async () => {
      expect((await recall(before + 1)).status).toBe(201);
    });
    expect(took).toBeLessThan(PUSH_MS);
    const head = await fetch(`${running.url}${SET}/head`, {
      headers: { authorization: `Bearer ${seeded.profiles.company.apiKey}`, "if-none-match": tag },
    });
    expect([head.status, head.headers.get("breakwater-recall")]).toEqual([200, String(before + 1)]);
  });

  it("finds room for those who come after others that hung up without a word", async () => {
    const { recall: before } = await inForce();
    for (let at = 1; at <= 6; at++) {
      // Who is told that there is no room comes again a little later; meanwhile it polls.
      const probe = async () => {
        const hangUp = new AbortController();
        const { status } = await get("/v1/events", hangUp.signal);
        hangUp.abort();
        return status;
      };
      await expect.poll(probe, { timeout: 30_000, interval: 2_000 }).toBe(200);
    }
    expect((await inForce()).recall).toBe(before);
  }, 120_000);

  it.each(RECALL_KILL_POINTS)(
    "is in force in the end when everything is killed %s",
    async (point) => {
      const { recall: before } = await inForce();
      await running.stop();
      await start({ KILL_AT: point });
      await recall(before + 1).catch(() => undefined);
      await running.killed;
      await start();
      await expect.poll(async () => (await inForce()).recall, { timeout: CATCH_UP_MS, interval: 500 }).toBe(before + 1);
      expect((await recall(before + 2)).status).toBe(201);
    },
    180_000,
  );
});
