/** Telling the receiver, signed as Standard Webhooks says; what it does not take now is tried again for three days. */

import { Webhook } from "standardwebhooks";
import { takeLock } from "../profile/lock.ts";
import type { Endpoint } from "./endpoint.ts";
import { dropMessage, listMessages, type Message, writeMessage } from "./outbox.ts";

const TIMEOUT_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The waits that Standard Webhooks recommends; after the last one a message is given up and counted. */
export const WEBHOOK_WAITS_MS = [
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
] as const;

export type Delivered = { delivered: number; waiting: number; givenUp: number };

type DeliverOptions = { fetch?: typeof globalThis.fetch; timeoutMs?: number };

/** Never throws for what the receiver or the network does. */
export async function deliverWebhooks(
  stateDir: string,
  endpoint: Endpoint | undefined,
  now: Date,
  options: DeliverOptions = {},
): Promise<Delivered> {
  const result: Delivered = { delivered: 0, waiting: 0, givenUp: 0 };
  let isAnswering = true;
  const lock = await takeLock(stateDir, "webhooks", 0);
  if (lock === undefined) return { ...result, waiting: (await listMessages(stateDir)).length };
  try {
    for (const message of await listMessages(stateDir)) {
      // Nobody wants to be told any more.
      if (endpoint === undefined) await dropMessage(stateDir, message);
      // One that does not answer would keep the next sync waiting for as many timeouts as there are messages.
      else if (!isAnswering || Date.parse(message.next_at) > now.getTime()) result.waiting++;
      else if (await sendWebhook(endpoint, message, now, options)) {
        await dropMessage(stateDir, message);
        result.delivered++;
      } else if (message.tries >= WEBHOOK_WAITS_MS.length) {
        isAnswering = false;
        await dropMessage(stateDir, message);
        result.givenUp++;
      } else {
        isAnswering = false;
        const waitMs = WEBHOOK_WAITS_MS[message.tries] ?? 0;
        const next = new Date(now.getTime() + waitMs).toISOString();
        await writeMessage(stateDir, { ...message, tries: message.tries + 1, next_at: next });
        result.waiting++;
      }
    }
  } finally {
    await lock.release();
  }
  return result;
}

/** @returns whether the receiver took it */
export async function sendWebhook(
  { url, secret }: Endpoint,
  { id, body }: Pick<Message, "id" | "body">,
  now: Date,
  { fetch = globalThis.fetch, timeoutMs = TIMEOUT_MS }: DeliverOptions = {},
): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
        "webhook-signature": new Webhook(secret).sign(id, now, body),
      },
      body,
      // The address was chosen by a person here; nobody else chooses another one.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
