import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestExchange, type TestExchange } from "../testing/index.ts";
import { formatTextArray, parseTextArray } from "./pg-arrays.ts";

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await openTestExchange();
});
afterAll(() => exchange.close());

const texts = fc.array(
  fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
  { maxLength: 20 },
);

test("what is written is read back, without a database", () => {
  fc.assert(
    fc.property(texts, (values) => {
      expect(parseTextArray(formatTextArray(values))).toEqual(values);
    }),
  );
});

test("text arrays go to Postgres and come back the same", async () => {
  const { sql } = exchange;
  await fc.assert(
    fc.asyncProperty(texts, async (values) => {
      const [row] = await sql`select ${values}::text[] as back, cardinality(${values}::text[]) as count`;
      expect(row).toEqual({ back: values, count: values.length });
    }),
    { numRuns: 50 },
  );
});

test("integer arrays go to Postgres and come back the same", async () => {
  const { sql } = exchange;
  for (const values of [[], [1], [-2_147_483_648, 0, 2_147_483_647]]) {
    const [row] = await sql`select ${values}::integer[] as back, ${values}::bigint[] as wide`;
    expect(row).toEqual({ back: values, wide: values });
  }
});
