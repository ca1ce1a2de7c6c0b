/** A machine of a member in front of a test exchange: the client library, with every request counted, that can be cut off anywhere. */

import { type Exchange, openExchange } from "../../client/index.ts";
import type { TestExchange, TestRequest } from "../../exchange/testing/index.ts";

/** Longer than any lease or admission that a dead process leaves behind. */
const RESTART_MS = 30_000;
const RESTARTS = 3;
/** No object's name begins with it. */
const NOTHING = "nothing/";

/** A machine that talks to the exchange through the client library, and can die in the middle. */
export class Machine {
  readonly exchange: Exchange;
  /** Method and path, as they were asked. */
  readonly requests: string[] = [];
  /** Requests until it dies; undefined: never. */
  left: number | undefined;
  /** The exchange's process died in answering: nobody answers until it is started again. */
  isDown = false;

  constructor(x: TestExchange, apiKey: string) {
    const fetch = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
      if (this.left !== undefined && this.left-- <= 0) this.isDown = true;
      if (this.isDown) throw new TypeError("connection refused");
      const { pathname, search } = new URL(String(input));
      this.requests.push(`${init.method ?? "GET"} ${pathname}`);
      // Who waits for an admission waits for the exchange's next minute.
      if (pathname.includes("/admissions/")) await restart(x);
      const headers = new Headers(init.headers);
      // As any HTTP client does for bytes that it has whole.
      if (init.body instanceof Uint8Array) headers.set("content-length", String(init.body.length));
      const answer = await x.request(pathname + search, { ...init, headers } as TestRequest);
      if (answer.status >= 500) this.isDown = true;
      return answer;
    };
    this.exchange = openExchange({ origin: x.origin, apiKey, fetch: fetch as typeof globalThis.fetch, sleep: noWait });
  }

  /** Requests of blobs with this method. */
  blobs(method: "GET" | "PUT"): string[] {
    return this.requests.filter((request) => request.startsWith(`${method} /v1/blobs/`));
  }

  revive(): void {
    this.left = undefined;
    this.isDown = false;
  }
}

const noWait = async () => undefined;

/** What the exchange's scheduler does over the next minutes. */
export async function restart(x: TestExchange): Promise<void> {
  x.killAt(undefined);
  // A fault that met nothing to break would wait for the next write.
  x.objects.breakNextPut("failed_and_not_written", NOTHING);
  for (let at = 0; at < RESTARTS; at++) {
    await x.settle();
    x.clock.advance(RESTART_MS);
    await x.tick();
  }
  await x.settle();
}
