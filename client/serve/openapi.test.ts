import { PROBLEMS } from "@breakwater/shared/problem.ts";
import { MATCH_ITEMS_MAX } from "@breakwater/shared/wire/match.ts";
import { expect, it } from "vitest";
import { openApi } from "./openapi.ts";
import { PATHS } from "./server.ts";

type Operation = {
  requestBody?: { content: Record<string, { schema?: { properties: { items: { maxItems: number } } } }> };
  responses: Record<string, { description: string }>;
};
const document = openApi("http://127.0.0.1:1") as { paths: Record<string, Record<string, Operation>> };

it("describes every route that the daemon answers, and no other", () => {
  expect(Object.keys(document.paths).sort()).toEqual(PATHS.filter((path) => path !== "/openapi.json").sort());
});

it("has the limits of a batch, from the schema that checks it", () => {
  const body = document.paths["/v1/match"]?.post?.requestBody?.content["application/json"];
  expect(body?.schema?.properties.items.maxItems).toBe(MATCH_ITEMS_MAX);
});

it("names each refusal under its own status", () => {
  for (const operations of Object.values(document.paths)) {
    for (const { responses } of Object.values(operations)) {
      for (const [status, { description }] of Object.entries(responses)) {
        const codes = description.split(", ").filter((word) => /^[a-z]+(_[a-z]+)+$/.test(word));
        for (const code of codes) expect(PROBLEMS[code as keyof typeof PROBLEMS].status, code).toBe(Number(status));
      }
    }
  }
});
