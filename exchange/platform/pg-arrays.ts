/** One-dimensional arrays of text and of integers, so that `${ids}::text[]` works without asking the server for its types. */
import type postgres from "postgres";

const TEXT_ARRAY_OID = 1009;
const INT4_ARRAY_OID = 1007;
const INT8_ARRAY_OID = 1016;

/**
 * @param values - drizzle hands over literals that it has written itself: they pass as they are
 * @throws TypeError for null and nested elements, which no query here uses
 */
export function formatTextArray(values: readonly string[] | string): string {
  if (typeof values === "string") return values;
  const quoted = values.map((value) => {
    if (typeof value !== "string") throw new TypeError("an element of a text array is not text");
    return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  });
  return `{${quoted.join(",")}}`;
}

/** Reads what Postgres prints for one dimension: elements are quoted when they need it, with backslash escapes. */
export function parseTextArray(literal: string): string[] {
  const values: string[] = [];
  const element = /"((?:[^"\\]|\\.)*)"|([^{},]+)/gs;
  for (const [, quoted, bare] of literal.matchAll(element)) {
    values.push(quoted === undefined ? (bare as string) : quoted.replace(/\\(.)/gs, "$1"));
  }
  return values;
}

function integers(oid: number): postgres.PostgresType<number[]> {
  return {
    to: oid,
    from: [oid],
    serialize: (values: number[] | string) => {
      if (typeof values === "string") return values;
      if (!values.every(Number.isSafeInteger)) throw new TypeError("an element of an integer array is not an integer");
      return `{${values.join(",")}}`;
    },
    parse: (literal: string) => parseTextArray(literal).map(Number),
  };
}

export const ARRAY_TYPES = {
  textArray: { to: TEXT_ARRAY_OID, from: [TEXT_ARRAY_OID], serialize: formatTextArray, parse: parseTextArray },
  int4Array: integers(INT4_ARRAY_OID),
  int8Array: integers(INT8_ARRAY_OID),
};
