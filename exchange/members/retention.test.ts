/** What ends by itself, and when. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestExchange, type TestExchange } from "../testing/index.ts";

let x: TestExchange;
const DAY_MS = 86_400_000;
beforeAll(async () => {
  x = await openTestExchange();
});
afterAll(() => x.close());

async function rowsOf(table: string): Promise<number> {
  const [row] = await x.sql`select count(*)::int as rows from ${x.sql(table)}`;
  return row?.rows;
}
async function after(days: number): Promise<void> {
  x.clock.advance(days * DAY_MS);
  await x.tick();
}

it("ends links, sessions, invites, keys, devices and names at their dates, not before, and records counts", async () => {
  await x.member({ name: "hotline", roles: ["hotline"] });
  const person = await x.person("hotline", ["administrator"], "T. Test");
  const device = await x.device("hotline");
  await x.request(`/v1/operator/people/${person.id}/sign-in-link`, { key: x.operatorKey, method: "POST" });
  expect([await rowsOf("sign_in_links"), await rowsOf("sessions")]).toEqual([2, 1]);

  await after(1);
  expect([await rowsOf("sign_in_links"), await rowsOf("sessions")]).toEqual([2, 1]);
  await after(2.1);
  expect([await rowsOf("sign_in_links"), await rowsOf("sessions"), await rowsOf("rate_windows")]).toEqual([0, 0, 0]);
  const runs = await x.sql`select removed from retention_runs where table_name = 'sign_in_links' order by id`;
  expect(runs.map(({ removed }) => removed)).toEqual([0, 2]);

  const removal = await x.request(`/v1/operator/people/${person.id}`, { key: x.operatorKey, method: "DELETE" });
  expect(removal.status).toBe(204);
  await after(80);
  expect(await rowsOf("invites")).toBe(1);
  await after(20);
  expect(await rowsOf("invites")).toBe(0);

  await after(200);
  const names = await x.sql`select name from people where id = ${person.id}`;
  expect(names[0]?.name).toBe("T. Test");
  // A year after it expired the device is still known, so that a late report is taken and marked.
  const kept = await x.sql`select kid from devices where id = ${device.id}`;
  expect(kept[0]?.kid).toBe(device.key.kid);

  await after(200);
  const blanked = await x.sql`select name from people where id = ${person.id}`;
  expect(blanked[0]?.name).toBe("removed");
  const gone = await x.sql`select to_jsonb(devices)::text as row from devices where id = ${device.id}`;
  expect(gone[0]?.row).not.toContain(device.key.kid);
  expect(gone[0]?.row).not.toContain(device.key.publicJwk.x);
});

it("keeps the audit record for seven years", async () => {
  const [before] = await x.sql`select min(id)::int as id from audit_records`;
  await after(5 * 365);
  expect((await x.sql`select min(id)::int as id from audit_records`)[0]?.id).toBe(before?.id);
  await after(365);
  expect(
    (
      await x.sql`select count(*)::int as rows from audit_records where at < ${new Date(x.clock.now().getTime() - 7 * 365 * DAY_MS)}`
    )[0]?.rows,
  ).toBe(0);
});
