/** What a database error may become outside: a problem code. Its message, detail and parameters hold rows, so they go nowhere. */
import { ExchangeError } from "@breakwater/shared/problem.ts";

export const BUSY_RETRY_AFTER_S = 2;

// Too many connections, shutting down, starting up, out of resources; serialization failure and deadlock pass on a retry too.
const BUSY_SQLSTATES = new Set([
  "53300",
  "53400",
  "53000",
  "53100",
  "53200",
  "57P01",
  "57P02",
  "57P03",
  "40001",
  "40P01",
  "55P03",
  "57014",
]);
const BUSY_CONNECTION_CODES = new Set([
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOENT",
  "ETIMEDOUT",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ENOTFOUND",
]);

/** The SQLSTATE or connection code of a database error, whoever wrapped it; undefined for any other error. */
export function findDatabaseCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const code = (at as { code?: unknown }).code;
    if (typeof code !== "string") continue;
    if (at.name === "PostgresError" && /^[0-9A-Z]{5}$/.test(code)) return code;
    if (BUSY_CONNECTION_CODES.has(code)) return code;
  }
  return undefined;
}

export function isUniqueViolation(error: unknown): boolean {
  return findDatabaseCode(error) === "23505";
}

/** Any thrown thing as a refusal. What is not understood becomes `internal`, with nothing of it in the answer. */
export function toExchangeError(error: unknown): ExchangeError {
  if (error instanceof ExchangeError) return error;
  const code = findDatabaseCode(error);
  if (code !== undefined && (BUSY_SQLSTATES.has(code) || BUSY_CONNECTION_CODES.has(code) || code.startsWith("08"))) {
    return new ExchangeError("busy", { retry_after: BUSY_RETRY_AFTER_S }, { cause: error });
  }
  return new ExchangeError("internal", {}, { cause: error });
}

/** What a log line may say of an unexpected error: its kind and code, never its message. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof ExchangeError && error.cause !== undefined ? error.cause : error;
  const database = findDatabaseCode(cause);
  if (database !== undefined) return `db_${database.toLowerCase()}`;
  return cause instanceof Error ? cause.name : typeof cause;
}
