/** Requests to addresses that a member named: where they may go. The answer is never handed on. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Config } from "./bindings.ts";

const OUTBOUND_TIMEOUT_MS = 10_000;
/** Names that only mean something inside a machine or a network (RFC 6761, RFC 6762, RFC 8375, and what is used without an RFC). */
const INNER_NAME = /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|private|corp|home|lan|home\.arpa)$/;

/**
 * An address that the exchange may send to: https, by a public name, without credentials. Otherwise a member could make
 * the exchange ask machines that only the exchange can reach. An exchange that is itself on the loopback interface may
 * send to anything by http(s): it is somebody trying things out.
 *
 * A public name that points to a private address is not seen here, since nothing here resolves names; the network that
 * production runs in has no private machines.
 *
 * @throws ExchangeError `url_invalid` with a reason, never with the address
 */
export function parseOutboundUrl({ origin }: Pick<Config, "origin">, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new ExchangeError("url_invalid", { reason: "form" });
  if (url.username !== "" || url.password !== "") throw new ExchangeError("url_invalid", { reason: "credentials" });
  if (isLoopback(new URL(origin).hostname)) return url;
  if (url.protocol !== "https:") throw new ExchangeError("url_invalid", { reason: "scheme" });
  if (!isPublicName(url.hostname)) throw new ExchangeError("url_invalid", { reason: "host" });
  return url;
}

export function isOutboundUrl(config: Pick<Config, "origin">, text: string): boolean {
  try {
    parseOutboundUrl(config, text);
    return true;
  } catch {
    return false; // for what was allowed when it was named, and is not any more
  }
}

// The URL parser has written every spelling of an IPv4 address (0x7f.1, 2130706433) as four numbers by now.
function isPublicName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, "");
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]*$/.test(name) && !INNER_NAME.test(name);
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/**
 * POST of a message made of codes. No redirect is followed, and the answer is not read.
 *
 * @returns whether the answer was 2xx; false also for an address that is not allowed (any more)
 */
export async function postMessage(
  config: Pick<Config, "origin">,
  address: string,
  message: Record<string, string | number>,
): Promise<boolean> {
  try {
    const response = await fetch(parseOutboundUrl(config, address), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(message),
      redirect: "manual",
      signal: AbortSignal.timeout(OUTBOUND_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false; // not allowed, unreachable or too slow: for the caller it did not arrive
  }
}
