/** The one way the console speaks to the exchange: every answer is parsed, every refusal becomes a Refusal with its code. */
import type { z } from "zod";

const ANSWER_TIMEOUT_MS = 30_000;

/** A refusal in the exchange's own words (RFC 9457), or `unreachable` when no answer came. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: Record<string, unknown>;

  constructor(code: string, title: string, status: number, detail: Record<string, unknown> = {}) {
    super(title);
    this.code = code;
    this.status = status;
    this.detail = detail;
  }
}

/** Called once for every 401, so that the shell can ask for a new sign-in while what was typed stays. */
let onSignedOut: () => void = () => {};
export function whenSignedOut(react: () => void): void {
  onSignedOut = react;
}

async function refusalOf(response: Response): Promise<Refusal> {
  const body: unknown = await response.json().catch(() => undefined);
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const code = typeof problem.code === "string" ? problem.code : "unreadable_answer";
  const title = typeof problem.title === "string" ? problem.title : `The exchange answered ${response.status}`;
  return new Refusal(code, title, response.status, problem);
}

async function send(method: string, path: string, body: unknown): Promise<Response> {
  const hasBody = body !== undefined;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      headers: hasBody ? { "Content-Type": "application/json" } : {},
      ...(hasBody ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
  } catch (cause) {
    throw new Refusal("unreachable", "The exchange cannot be reached", 0, { cause: String(cause) });
  }
  if (response.ok) return response;
  if (response.status === 401 && path !== "/v1/session") onSignedOut();
  throw await refusalOf(response);
}

export async function get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
  return schema.parse(await (await send("GET", path, undefined)).json());
}

export async function post<Schema extends z.ZodType>(
  path: string,
  body: unknown,
  schema: Schema,
): Promise<z.output<Schema>> {
  return schema.parse(await (await send("POST", path, body)).json());
}

/** For acts whose answer carries nothing that is used. */
export async function act(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<void> {
  await (await send(method, path, body)).body?.cancel();
}

/** The case went on without this person, who may have written half an assessment. */
const MOVED_ON = new Set(["case_conflict", "case_state"]);

/** What to show for a failure: cause, what is kept, what to do. */
export function explain(error: unknown): { title: string; next: string; code: string } {
  if (error instanceof Refusal) {
    if (error.code === "unreachable") {
      return {
        title: "The exchange cannot be reached.",
        next: "Nothing was changed. Look at the connection, then try again.",
        code: error.code,
      };
    }
    if (error.status === 429 || error.status === 503) {
      return { title: `${error.message}.`, next: "Nothing was changed. Try again in a minute.", code: error.code };
    }
    if (MOVED_ON.has(error.code)) {
      return { title: `${error.message}.`, next: "Yours is kept below; nothing was overwritten.", code: error.code };
    }
    return { title: `${error.message}.`, next: "Nothing was changed.", code: error.code };
  }
  return {
    title: "The answer could not be read.",
    next: "Load the page again. Nothing was changed.",
    code: "unreadable_answer",
  };
}

/** @param maxBytes - an answer past this is refused unread */
export async function getBytes(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const response = await send("GET", path, undefined);
  if (Number(response.headers.get("Content-Length") ?? 0) > maxBytes)
    throw new Refusal("answer_too_large", "The answer is too large", response.status);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > maxBytes) throw new Refusal("answer_too_large", "The answer is too large", response.status);
  return bytes;
}
