/** Asserts a refusal: its status, media type and code, and that nothing else of substance is in it. */
import { PROBLEMS, type ProblemCode } from "@breakwater/shared/problem.ts";
import { expect } from "vitest";

/** @returns the problem's members, for assertions on its detail */
export async function expectProblem(response: Response, code: ProblemCode): Promise<Record<string, unknown>> {
  const text = await response.text();
  expect({ status: response.status, body: text }).toMatchObject({
    status: PROBLEMS[code].status,
    body: expect.stringContaining(`"${code}"`),
  });
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = JSON.parse(text) as Record<string, unknown>;
  expect(problem).toMatchObject({ code, status: response.status, title: PROBLEMS[code].title });
  return problem;
}
