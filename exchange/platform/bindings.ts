/** What the Worker is given from outside, checked at the door: anything unreadable refuses all traffic. */
import { LogOrigin } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import type { LogSignerRpc } from "./log-signer.ts";
import type { SignerRpc } from "./signer.ts";

/** The console's files. */
export type Assets = { fetch(request: Request): Promise<Response> };

/** Bindings as wrangler.toml names them. */
export type Bindings = {
  HYPERDRIVE?: { connectionString: string };
  DATABASE_URL?: string;
  BLOBS: R2Bucket;
  SIGNER: SignerRpc;
  LOG_SIGNER: LogSignerRpc;
  ASSETS?: Assets;
  EXCHANGE_ORIGIN: string;
  EXCHANGE_NAME: string;
  EXCHANGE_VERSION?: string;
  LOG_ORIGIN?: string;
  KILL_AT?: string;
  KILL_URL?: string;
};

export type Config = {
  /** Scheme, host and port; what cookies, device proofs and Origin headers are held against. */
  origin: string;
  name: string;
  version: string;
  /** True behind https; decides `Secure` on the cookie and HSTS. */
  secure: boolean;
  /** Names the log in its checkpoints, for ever: a new name is a new log. */
  logOrigin: LogOrigin;
  /** While leaves keep coming, a checkpoint no more often than this. */
  logPaceMs: number;
  killAt?: string | undefined;
  killUrl?: string | undefined;
};

const Origin = z.string().refine((text) => {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "https:" || url.protocol === "http:") && url.origin === text;
});

const DatabaseUrl = z.string().regex(/^postgres(ql)?:\/\//);

function hasMethods<T>(...methods: string[]) {
  // An RPC stub answers to any name, so this finds a missing binding, not a wrong one.
  return z.custom<T>(
    (value) =>
      (typeof value === "object" || typeof value === "function") &&
      value !== null &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === "function"),
  );
}

const BindingsSchema = z
  .object({
    HYPERDRIVE: z.object({ connectionString: DatabaseUrl }).optional(),
    DATABASE_URL: DatabaseUrl.optional(),
    BLOBS: hasMethods<R2Bucket>("get", "put", "head", "list", "delete"),
    SIGNER: hasMethods<SignerRpc>("publicKeys", "signRelease", "signRecall", "signReceipt"),
    LOG_SIGNER: hasMethods<LogSignerRpc>("vkey", "head", "signCheckpoint"),
    ASSETS: hasMethods<Assets>("fetch").optional(),
    EXCHANGE_ORIGIN: Origin,
    EXCHANGE_NAME: z.string().min(1).max(100),
    EXCHANGE_VERSION: z.string().min(1).max(40).default("0.1.0"),
    LOG_ORIGIN: LogOrigin.optional(),
    KILL_AT: z.string().max(40).optional(),
    KILL_URL: z.url().optional(),
  })
  .refine((env) => (env.HYPERDRIVE === undefined) !== (env.DATABASE_URL === undefined), {
    path: ["HYPERDRIVE"],
    message: "exactly one of HYPERDRIVE and DATABASE_URL",
  });

/** Four object writes and a signature each; readers who poll see nothing sooner than this anyway. */
export const LOG_PACE_MS = 1_000;
/** An address of one machine is no name that a log could carry for ever; it stands under a reserved one. */
export const LOCAL_LOG_ORIGIN = "localhost.example/log1" as LogOrigin;

function logOriginOf(origin: string): LogOrigin {
  const derived = LogOrigin.safeParse(`${new URL(origin).hostname}/log1`);
  return derived.success ? derived.data : LOCAL_LOG_ORIGIN;
}

export type ParsedBindings = {
  config: Config;
  databaseUrl: string;
  bucket: R2Bucket;
  signer: SignerRpc;
  logSigner: LogSignerRpc;
  assets?: Assets | undefined;
};

/** @throws ExchangeError `config_invalid`, naming the bindings at fault and never a value */
export function parseBindings(env: unknown): ParsedBindings {
  // Read by name: bindings may be getters that a spread or Object.entries does not see.
  const source = (typeof env === "object" && env !== null ? env : {}) as Record<string, unknown>;
  const named = Object.fromEntries(
    Object.keys(BindingsSchema.shape).flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])),
  );
  const parsed = BindingsSchema.safeParse(named);
  if (!parsed.success) {
    const bindings = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? "env")))];
    throw new ExchangeError("config_invalid", { bindings });
  }
  const { data } = parsed;
  return {
    config: {
      origin: data.EXCHANGE_ORIGIN,
      name: data.EXCHANGE_NAME,
      version: data.EXCHANGE_VERSION,
      secure: data.EXCHANGE_ORIGIN.startsWith("https:"),
      logOrigin: data.LOG_ORIGIN ?? logOriginOf(data.EXCHANGE_ORIGIN),
      logPaceMs: LOG_PACE_MS,
      killAt: data.KILL_AT || undefined,
      killUrl: data.KILL_URL,
    },
    databaseUrl: (data.HYPERDRIVE?.connectionString ?? data.DATABASE_URL) as string,
    bucket: data.BLOBS,
    signer: data.SIGNER,
    logSigner: data.LOG_SIGNER,
    assets: data.ASSETS,
  };
}
