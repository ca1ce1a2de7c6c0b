// Everything one part of the extension may ask another, and who may ask. A page or a content script may ask nothing:
// the page reader answers a call of the background and never speaks by itself.
import { z } from "zod";

export const Request = z.discriminatedUnion("type", [
  /** Something was put into the outbox, or a person pressed "Try now". */
  z.strictObject({ type: z.literal("deliver") }),
  /** The reading of this pick was cut off; read it again from what the browser holds. */
  z.strictObject({ type: z.literal("read_again"), pick_id: z.string().max(64) }),
  /** Ask the exchange how the enrolment stands. */
  z.strictObject({ type: z.literal("check_enrolment") }),
]);
export type Request = z.infer<typeof Request>;

export const Response = z.strictObject({ ok: z.boolean(), code: z.string().max(64).optional() });
export type Response = z.infer<typeof Response>;

export type Sender = { id?: string | undefined; url?: string | undefined };

/** From our own pages only: our id, an address of our origin. */
export function isOwnPage(sender: Sender, self: { id: string; origin: string }): boolean {
  return sender.id === self.id && sender.url !== undefined && sender.url.startsWith(`${self.origin}/`);
}

/** Undefined for whatever is not in the table: it is not answered at all. */
export function parseRequest(message: unknown): Request | undefined {
  const parsed = Request.safeParse(message);
  return parsed.success ? parsed.data : undefined;
}

export function parseResponse(message: unknown): Response {
  const parsed = Response.safeParse(message);
  return parsed.success ? parsed.data : { ok: false, code: "no_answer" };
}
