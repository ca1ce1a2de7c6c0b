// The life of a signed report on this device, as a table: which event leads from which state to which.
// Nothing here expires: a report that could not be sent waits until it is sent, or until a person deletes it.
import { z } from "zod";
import { LONGEST_WAIT_MS, LONGEST_WAIT_URGENT_MS, waitBeforeNextTry } from "./backoff.ts";

export const Contains = z.strictObject({
  hashes: z.number().int().min(0),
  addresses: z.number().int().min(0),
  words: z.boolean(),
});

export const OUTBOX_STATES = ["queued", "sending", "retry_wait", "blocked_auth", "rejected_permanent"] as const;

export const OutboxItem = z.strictObject({
  id: z.string().min(1),
  state: z.enum(OUTBOX_STATES),
  urgent: z.boolean(),
  /** The signed bytes, base64url: what is sent is what was signed, at every try. */
  envelope: z.string().min(1),
  hotline: z.string(),
  /** Whom it is for. After a new enrolment elsewhere it is not posted to anybody else: what is in clear is not theirs. */
  exchange: z.string().optional(),
  contains: Contains,
  queued_at: z.number(),
  attempts: z.number().int().min(0),
  /** Milliseconds since 1970; only in retry_wait. */
  next_at: z.number().optional(),
  /** Why the last try did not succeed: a code, never a text from the network. */
  problem: z.string().optional(),
  /** Fields the exchange refused, as JSON pointers. */
  fields: z.array(z.string()).optional(),
});
export type OutboxItem = z.infer<typeof OutboxItem>;

export type Outcome =
  | { kind: "retry"; problem: string; retryAfterMs?: number }
  | { kind: "blocked"; problem: string }
  | { kind: "refused"; problem: string; fields?: string[] };

export type OutboxEvent = { kind: "start" } | { kind: "try_now" } | { kind: "signed_in" } | Outcome;

export type World = { now: () => number; random: () => number };

/** Left over in `sending`: whoever was sending is gone, or it would hold the lock. The id makes a second try harmless. */
export function isDue(item: OutboxItem, nowMs: number): boolean {
  if (item.state === "queued" || item.state === "sending") return true;
  if (item.state !== "retry_wait") return false;
  const waitMs = (item.next_at ?? 0) - nowMs;
  // No wait is that long: the clock was set back, and the report would lie here until it has caught up.
  return waitMs <= 0 || waitMs > (item.urgent ? LONGEST_WAIT_URGENT_MS : LONGEST_WAIT_MS);
}

const WAITING: ReadonlySet<OutboxItem["state"]> = new Set(["queued", "sending", "retry_wait", "blocked_auth"]);

export function isUnsent(item: OutboxItem): boolean {
  return WAITING.has(item.state);
}

export function needsPerson(item: OutboxItem): boolean {
  return item.state === "blocked_auth" || item.state === "rejected_permanent";
}

/** Urgent first, then the oldest. */
export function byPriority(a: OutboxItem, b: OutboxItem): number {
  return Number(b.urgent) - Number(a.urgent) || a.queued_at - b.queued_at;
}

export function advance(item: OutboxItem, event: OutboxEvent, { now, random }: World): OutboxItem {
  const { next_at: _next, problem: _problem, fields: _fields, ...bare } = item;
  switch (event.kind) {
    case "start":
      return isDue(item, now()) ? { ...bare, state: "sending", attempts: item.attempts + 1 } : item;
    case "try_now":
      return item.state === "retry_wait" || item.state === "blocked_auth" ? { ...bare, state: "queued" } : item;
    case "signed_in":
      return item.state === "blocked_auth" ? { ...bare, state: "queued" } : item;
  }
  // An answer counts only for the try it answers.
  if (item.state !== "sending") return item;
  switch (event.kind) {
    case "retry": {
      const wait = waitBeforeNextTry({ ...item, retryAfterMs: event.retryAfterMs }, random);
      return { ...bare, state: "retry_wait", next_at: now() + wait, problem: event.problem };
    }
    case "blocked":
      return { ...bare, state: "blocked_auth", problem: event.problem };
    case "refused":
      return {
        ...bare,
        state: "rejected_permanent",
        problem: event.problem,
        ...(event.fields ? { fields: event.fields } : {}),
      };
  }
}
