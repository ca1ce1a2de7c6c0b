/** What the system says of a file, as a reason that names no path. */

import { ExchangeError } from "@breakwater/shared/problem.ts";

const REASONS: Record<string, string> = {
  ENOENT: "not_there",
  ENOTDIR: "not_there",
  EACCES: "no_permission",
  EPERM: "no_permission",
  EISDIR: "not_a_file",
  ENXIO: "not_a_file",
};

/** @throws ExchangeError `file_unreadable` with a reason (not_there, no_permission, not_a_file, input_output) */
export async function asFileProblem<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw fileProblemOf(error);
  }
}

export function fileProblemOf(error: unknown): ExchangeError {
  if (error instanceof ExchangeError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return new ExchangeError("file_unreadable", { reason: REASONS[code] ?? "input_output" }, { cause: error });
}
