// The demo's stand-in for whoever is called about an urgent report: it takes the exchange's messages and prints a line for each.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Say } from "./home.ts";

export const DUTY_DESK_PATH = "/duty-desk";
/** A message is a handful of codes. */
export const MESSAGE_MAX_BYTES = 4 * 1024;

const WORDS: Record<string, (number: number) => string> = {
  urgent_report: (number) => `Duty desk: case ${number} has an urgent report.`,
  urgent_report_unacknowledged: (number) => `Duty desk: nobody has acknowledged case ${number}. It was passed on.`,
};

export async function takeMessage(request: IncomingMessage, response: ServerResponse, say: Say): Promise<void> {
  const status = await readMessage(request, say);
  // What was not read to its end is not waited for either.
  response.writeHead(status, status === 204 ? {} : { connection: "close" }).end();
}

async function readMessage(request: IncomingMessage, say: Say): Promise<number> {
  if (request.method !== "POST") return 405;
  // A page of another site can post a form here, but nothing of this type.
  if (request.headers["content-type"] !== "application/json") return 415;
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MESSAGE_MAX_BYTES) return 413;
      parts.push(part);
    }
    const message = JSON.parse(Buffer.concat(parts).toString("utf8")) as { type?: unknown; case?: unknown };
    const { type, case: number } = message;
    if (typeof type !== "string" || !Object.hasOwn(WORDS, type)) return 400;
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 1) return 400;
    say((WORDS[type] as (number: number) => string)(number));
    return 204;
  } catch {
    return 400; // cut off, or no message of an exchange
  }
}
