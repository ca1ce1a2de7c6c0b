/** Every table ends, or says here why it need not. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { retention } from "./app.ts";
import { openTestExchange, type TestExchange } from "./testing/index.ts";

let x: TestExchange;
beforeAll(async () => {
  x = await openTestExchange();
});
afterAll(() => x.close());

/** No personal data, or ended by another door than a retention rule. */
const ENDLESS: Record<string, string> = {
  schema_migrations: "numbers of migrations",
  members: "organisations",
  hotlines: "organisations' public keys",
  log_head: "one number",
  log_publication: "one number",
  log_leaves: "signed statements of organisations; nothing free-form gets in",
  publisher_roots: "organisations' public keys",
  feed_epoch: "one number",
  sets: "descriptions that organisations sign",
  set_audience: "organisations",
  releases: "numbers and digests",
  entry_versions: "signals: end with their withdrawal, by the purge of the set",
  blobs: "what releases name: ends with the purge of the set",
  restore_state: "times and codes of the last restore",
  blob_uploads: "digests by organisation: swept after a day",
  recalls: "signed statements of organisations: random ids and numbers",
  recall_signings: "at most one a set: ends when the recall is through, seconds later",
  lookup_sets: "numbers",
  lookup_indexes: "numbers and the secret of the padding",
  lookup_tags: "made from signals: end with their entries, by the next release and by the purge of the set",
  lookup_slots: "numbers",
  lookup_buckets: "names of objects: end with the epoch that shows them",
  lookup_dirty: "numbers",
  purges: "counts of what was destroyed",
};

it("covers every table by a rule, through the row it belongs to, or with a reason", async () => {
  const tables = await x.sql<{ table: string }[]>`
    select table_name as table from information_schema.tables where table_schema = current_schema()`;
  const cascades = await x.sql<{ child: string; parent: string }[]>`
    select child.relname as child, parent.relname as parent from pg_constraint
    join pg_class child on child.oid = conrelid join pg_class parent on parent.oid = confrelid
    where contype = 'f' and confdeltype = 'c' and connamespace = current_schema()::regnamespace`;
  const covered = new Set(retention.map(({ table }) => table));
  for (let before = -1; before !== covered.size; ) {
    before = covered.size;
    for (const { child, parent } of cascades) if (covered.has(parent)) covered.add(child);
  }
  const open = tables.map(({ table }) => table).filter((table) => !covered.has(table) && ENDLESS[table] === undefined);
  expect(open).toEqual([]);
  // A reason for a table that is gone explains nothing.
  const names = new Set(tables.map(({ table }) => table));
  expect(Object.keys(ENDLESS).filter((table) => !names.has(table))).toEqual([]);
});

it("names each rule's table as it is called", async () => {
  const tables = await x.sql<{ table: string }[]>`
    select table_name as table from information_schema.tables where table_schema = current_schema()`;
  const names = new Set(tables.map(({ table }) => table));
  expect(retention.map(({ table }) => table).filter((table) => !names.has(table))).toEqual([]);
});
