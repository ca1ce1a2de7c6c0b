/** Ways in which an exchange, or the network before it, can be wrong: each a change of one answer. */

import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export type Answer = { status: number; headers: Record<string, string>; body: Uint8Array };

/**
 * What is done to the answer of a request whose path fits.
 *
 * `flip` changes a byte, `cut` drops the last ones, `break` closes the connection in the middle, `pad` sends more than
 * was asked for, `endless` never stops sending, `slow` sends a byte now and then, `busy` answers 503, `gone` 404,
 * `purged` 410, `replace` sends other bytes, `hang` never answers, `page` answers as a proxy does.
 */
export type Hostile = {
  path: RegExp;
  act: "flip" | "cut" | "break" | "pad" | "endless" | "slow" | "busy" | "gone" | "purged" | "replace" | "hang" | "page";
  /** For this many requests; otherwise for all. */
  times?: number;
  bytes?: Uint8Array;
  retryAfter?: string;
};

const SLOW_MS = 50;
const ENDLESS_CHUNK = 64 * 1024;

export async function answerHostile(hostile: Hostile, answer: Answer, response: ServerResponse): Promise<void> {
  const { body } = answer;
  switch (hostile.act) {
    case "busy":
      send(
        response,
        problem(503, "busy", hostile.retryAfter === undefined ? {} : { "retry-after": hostile.retryAfter }),
      );
      return;
    case "gone":
      send(response, problem(404, "not_found"));
      return;
    case "purged":
      send(response, problem(410, "blob_gone"));
      return;
    case "page":
      send(response, {
        status: 502,
        headers: { "content-type": "text/html" },
        body: Buffer.from("<h1>Bad gateway</h1>"),
      });
      return;
    case "flip": {
      const flipped = Uint8Array.from(body);
      const at = Math.floor(flipped.length / 2);
      flipped[at] = (flipped[at] as number) ^ 1;
      send(response, { ...answer, body: flipped });
      return;
    }
    case "cut":
      send(response, { ...answer, body: body.slice(0, -10) });
      return;
    case "pad":
      send(response, { ...answer, body: Buffer.concat([body, Buffer.alloc(1024)]) });
      return;
    case "replace":
      send(response, { ...answer, status: 200, body: hostile.bytes ?? new Uint8Array() });
      return;
    case "break":
      response.writeHead(answer.status, { ...answer.headers, "content-length": String(body.length) });
      response.write(body.slice(0, Math.floor(body.length / 2)));
      await sleep(SLOW_MS);
      response.destroy();
      return;
    case "slow":
      response.writeHead(answer.status, { ...answer.headers, "content-length": String(body.length) });
      for (const byte of body) {
        if (response.destroyed) return;
        response.write(Uint8Array.of(byte));
        await sleep(SLOW_MS);
      }
      response.end();
      return;
    case "endless":
      response.writeHead(answer.status, answer.headers);
      while (!response.destroyed) {
        response.write(Buffer.alloc(ENDLESS_CHUNK));
        await sleep(1);
      }
      return;
    case "hang":
      return;
  }
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Answer {
  const body = Buffer.from(
    JSON.stringify({ type: `https://breakwater.example/problems/${code}`, title: code, status, code }),
  );
  return { status, headers: { "content-type": "application/problem+json", ...headers }, body };
}

export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, status === 304 ? headers : { ...headers, "content-length": String(body.length) });
  response.end(body);
}
