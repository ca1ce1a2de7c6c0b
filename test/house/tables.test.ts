/** Generated tables in the tree are what their generator makes: nothing edited by hand. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { confusablesTable, TABLE_PATH } from "../tables/confusables.ts";

it("the table of look-alike characters is what its source gives (node test/tables/confusables.ts)", () => {
  expect(readFileSync(TABLE_PATH, "utf8")).toBe(confusablesTable());
});
