/** What a test asks of a refusal: its code, and nothing but an ExchangeError. */

import { ExchangeError, type ProblemCode } from "../problem.ts";

/** The problem code of what a call throws or rejects with, or "ok"; anything but an ExchangeError is thrown on. */
export async function outcome(call: () => unknown): Promise<ProblemCode | "ok"> {
  try {
    await call();
    return "ok";
  } catch (error) {
    if (error instanceof ExchangeError) return error.code;
    throw error;
  }
}
