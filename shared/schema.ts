/** How documents are parsed: closed at the exchange, tolerant of unknown members at subscribers and relays. */

import { z } from "zod";
import { ExchangeError, type ProblemCode } from "./problem.ts";

/**
 * strict (the default): an unknown member is a refusal, so nothing free-form gets past the exchange.
 * Not strict: unknown members are ignored, so a newer publisher does not make an older subscriber drop a set; whoever
 * keeps the document keeps its bytes, never the parsed value.
 */
export type ParseOptions = { strict?: boolean };

/** Makes object schemas; every document's schema is a function of it, so both forms come from one text. */
export type ObjectOf = <Shape extends z.ZodRawShape>(shape: Shape) => z.ZodObject<Shape>;
// Strict and stripping objects differ in what they refuse, not in what they give.
export const closed = z.strictObject as unknown as ObjectOf;
export const open: ObjectOf = z.object;

/** Integer seconds since 1970: the only form of time in a signed trust document. */
export const Seconds = z.int().nonnegative();
/** Numbers of releases, roots and recalls. */
export const Counter = z.int().positive();
export const Count = z.int().nonnegative();

export const DAY_SECONDS = 24 * 60 * 60;
/** How far two honest clocks may differ. */
export const CLOCK_SKEW_SECONDS = 5 * 60;

/** The parsed value, or the problem with the path of the first member at fault; never the value that was refused. */
export function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: ProblemCode,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  // A rule that has a code of its own says so (see `refuse`).
  const own = issue?.code === "custom" ? (issue.params?.problem as ProblemCode | undefined) : undefined;
  throw new ExchangeError(own ?? code, { path: pathOf(issue), reason: issue?.code ?? "invalid" });
}

function pathOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return "";
  const path = issue.path.map(String).filter(isHarmless);
  // An unknown member's name is whatever the sender wrote: the place is told, the name is not.
  return `/${path.join("/")}`;
}

// Path segments are our own member names and array positions, but a record's keys are the sender's.
function isHarmless(segment: string): boolean {
  return /^[a-z0-9_]{1,40}$/.test(segment);
}

/** A cross-member rule's refusal inside a schema, with a code of its own when it has one. */
export function refuse(context: z.RefinementCtx, path: string, message: string, problem?: ProblemCode): void {
  context.addIssue({ code: "custom", path: [path], message, params: problem === undefined ? {} : { problem } });
}
