/** The table of refusals and its two forms: on the wire and in the documentation. */

import { describe, expect, it } from "vitest";
import { ExchangeError, formatProblem, PROBLEMS, parseProblem } from "./problem.ts";

describe("PROBLEMS", () => {
  it("is in alphabetical order, so that two people who add a code meet", () => {
    expect(Object.keys(PROBLEMS)).toEqual(Object.keys(PROBLEMS).sort());
  });

  it("gives every code a title that is a sentence without a full stop", () => {
    for (const { title } of Object.values(PROBLEMS)) expect(title).toMatch(/^[A-Z].*[^.!]$/);
  });
});

describe("formatProblem", () => {
  it("carries the detail as extension members", () => {
    const error = new ExchangeError("release_gap", { have: 7, got: 9 });
    expect(formatProblem(error, "/requests/1")).toEqual({
      type: "https://breakwater.example/problems/release_gap",
      title: PROBLEMS.release_gap.title,
      status: 409,
      code: "release_gap",
      instance: "/requests/1",
      have: 7,
      got: 9,
    });
  });

  it("lets no detail overwrite what the problem says of itself", () => {
    const problem = formatProblem(new ExchangeError("not_found", { status: 200, code: "ok", type: "x", detail: "y" }));
    expect(problem).toMatchObject({ status: 404, code: "not_found" });
    expect(problem.detail).toBeUndefined();
  });
});

describe("parseProblem", () => {
  it("is the inverse", () => {
    const error = new ExchangeError("rows_invalid", { rows: 2, path: "/value", names: ["a"], at: null, is: true });
    const again = parseProblem(JSON.parse(JSON.stringify(formatProblem(error, "/1"))));
    expect(again?.code).toBe("rows_invalid");
    expect(again?.detail).toEqual(error.detail);
  });

  it.each([null, 1, "x", {}, { code: 1 }, { code: "unheard_of" }, { code: "toString" }])(
    "knows %j is none of ours",
    (body) => {
      expect(parseProblem(body)).toBeUndefined();
    },
  );

  it("drops members that no detail of ours has", () => {
    expect(parseProblem({ code: "busy", nested: { a: 1 }, huge: Number.NaN })?.detail).toEqual({});
  });
});
