/** Who is calling: every route but the open ones stands behind one of these, and nothing else makes a Caller. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import type { Caller, DeviceCaller, KeyCaller, PersonCaller, PersonRole, Scope } from "../platform/caller.ts";
import type { Env } from "../platform/deps.ts";
import { addressBucket, takeRate } from "../platform/rates.ts";
import { readDeviceProof } from "./device-proof.ts";
import { openApiKey } from "./keys.ts";
import { DEVICE_FAILURES } from "./limits.ts";
import { openSession, SESSION_COOKIE } from "./sessions.ts";

/** Any one of what is named lets the caller in; what is not named does not. */
export type Allowed = {
  scopes?: readonly Scope[];
  roles?: readonly PersonRole[] | "any";
  device?: boolean;
  /** A device that waits for approval is let in too; for asking after its own state only. */
  waitingDevice?: boolean;
};

export function requireCaller(allowed: Allowed): MiddlewareHandler<Env> & { allowed: Allowed } {
  const middleware: MiddlewareHandler<Env> = async (c, next) => {
    c.set("caller", await authenticate(c, allowed));
    await next();
  };
  // To be read from the route: a test asks every route who may call it and tries everybody else.
  return Object.assign(middleware, { allowed });
}

/** An API key with this scope. */
export function requireKey(scope: Scope): MiddlewareHandler<Env> {
  return requireCaller({ scopes: [scope] });
}

/** A person signed in at the console, with this role or, without one, any. */
export function requirePerson(role?: PersonRole): MiddlewareHandler<Env> {
  return requireCaller({ roles: role === undefined ? "any" : [role] });
}

/** An enrolled device, an expired one included: see `caller.expired`. */
export function requireDevice(options: { waiting?: boolean } = {}): MiddlewareHandler<Env> {
  return requireCaller({ device: true, waitingDevice: options.waiting === true });
}

async function authenticate(c: Context<Env>, allowed: Allowed): Promise<Caller> {
  const authorization = c.req.header("authorization");
  const space = authorization?.indexOf(" ") ?? -1;
  const scheme = authorization?.slice(0, Math.max(0, space)).toLowerCase();
  const credentials = authorization?.slice(space + 1) ?? "";
  // What is shown explicitly counts; a cookie that the browser adds by itself comes last.
  if (scheme === "bearer") return byKey(c, credentials, allowed);
  if (scheme === "device") return byDevice(c, credentials, allowed);
  if (authorization !== undefined) throw new ExchangeError("unauthenticated");
  return byCookie(c, allowed);
}

async function byKey(c: Context<Env>, credentials: string, { scopes = [] }: Allowed): Promise<KeyCaller> {
  const caller = await openApiKey(c.var.deps, credentials, addressOf(c));
  if (scopes.length === 0) throw new ExchangeError("forbidden");
  if (!scopes.some((scope) => caller.scopes.includes(scope)))
    throw new ExchangeError("scope_required", { scopes: [...scopes] });
  return caller;
}

async function byDevice(c: Context<Env>, credentials: string, allowed: Allowed): Promise<DeviceCaller> {
  const { deps } = c.var;
  const proof = await readDeviceProof(deps, credentials, new URL(c.req.url).pathname).catch((error: unknown) =>
    refuseDevice(c, error),
  );
  if (!allowed.device) throw new ExchangeError("forbidden");
  if (proof.waiting && !allowed.waitingDevice) throw new ExchangeError("device_waiting");
  return proof.caller;
}

const STRANGERS_CODES: ReadonlySet<string> = new Set(["device_unknown", "device_format", "signature_invalid"]);

/**
 * Counts what nobody enrolled could have sent, and throws on. As with keys, failures alone count: an enrolled device is
 * never slowed down by a neighbour.
 *
 * @throws ExchangeError `rate_limited` in place of the error, once there were too many from one address
 */
export async function refuseDevice(c: Context<Env>, error: unknown): Promise<never> {
  const { deps } = c.var;
  if (error instanceof ExchangeError && STRANGERS_CODES.has(error.code)) {
    await takeRate(deps, DEVICE_FAILURES, await addressBucket(addressOf(c), deps.now()));
  }
  throw error;
}

async function byCookie(c: Context<Env>, { roles = [] }: Allowed): Promise<PersonCaller> {
  const token = getCookie(c, SESSION_COOKIE);
  if (token === undefined) throw new ExchangeError("unauthenticated");
  checkOrigin(c);
  const caller = await openSession(c.var.deps, token);
  if (roles !== "any" && !roles.some((role) => caller.roles.includes(role))) {
    throw roles.length === 0
      ? new ExchangeError("forbidden")
      : new ExchangeError("role_required", { roles: [...roles] });
  }
  return caller;
}

/** A browser says where a request comes from; what changes state must come from the console's own origin (CSRF). */
export function checkOrigin(c: Context<Env>): void {
  if (c.req.method === "GET" || c.req.method === "HEAD") return;
  if (c.req.header("origin") !== c.var.deps.config.origin) throw new ExchangeError("origin_mismatch");
}

/** Where a request came from, as the edge says it; kept nowhere but digested with the day. */
export function addressOf(c: Context<Env>): string | undefined {
  return c.req.header("cf-connecting-ip");
}
