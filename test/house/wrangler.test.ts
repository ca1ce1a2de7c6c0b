import { describe, expect, it } from "vitest";
import { listFiles, readText } from "./tree.ts";

const files = listFiles(/(^|\/)wrangler\.toml$/);

describe("what is deployed", () => {
  it("is more than one Worker", () => expect(files.length).toBeGreaterThan(1));

  it.each(files.map((path) => [path, readText(path)] as const))("%s answers at no second address", (_, text) => {
    expect(text).toMatch(/^workers_dev = false$/m);
  });

  it.each(files.map((path) => [path, readText(path)] as const))(
    "%s holds no secret, no kill point and no line for every request",
    (_, text) => {
      expect(text).not.toMatch(/^\s*(?:\w*SECRET\w*|KILL_AT|KILL_URL|DATABASE_URL)\s*=/m);
      if (/^\[observability\]$/m.test(text)) expect(text).toMatch(/^invocation_logs = false$/m);
    },
  );
});
