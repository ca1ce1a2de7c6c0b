import { createServer, type Server } from "node:http";
import type { CasePage } from "@breakwater/shared/wire/hotline.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  openTestExchange,
  openTestHotline,
  TEST_START,
  type TestExchange,
  type TestHotline,
} from "../../testing/index.ts";
import { FORWARD_AFTER_MS } from "./urgent.ts";

const HOUR_MS = 3_600_000;
type Message = { type: string; case: number; urgency: string } & Record<string, string | number>;

// On the loopback interface, where an exchange may send to its own machine.
let exchange: TestExchange;
let desk: { server: Server; url: string; status: number; posted: Message[] };
beforeAll(async () => {
  exchange = await openTestExchange({ config: { origin: "http://127.0.0.1:8787", secure: false } });
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    desk.posted.push({ ...JSON.parse(Buffer.concat(parts).toString()), path: request.url });
    response.writeHead(desk.status).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  desk = { server, url: `http://127.0.0.1:${port}`, status: 204, posted: [] };
});
afterAll(async () => {
  await exchange.close();
  desk.server.closeAllConnections();
  await new Promise((done) => desk.server.close(done));
});
beforeEach(() => {
  exchange.clock.set(TEST_START);
  Object.assign(desk, { status: 204, posted: [] });
});

/** Jobs begun by earlier requests end first: they would take what falls due now, and still be at it. */
async function passTime(ms: number): Promise<void> {
  await exchange.settle();
  exchange.clock.advance(ms);
  await exchange.runJobs();
}

const name = (h: TestHotline, json: object) =>
  h.ask("/v1/hotline/forward", { key: h.member.key, method: "PUT", json: { to: "Example Police", ...json } });
const forwards = (h: TestHotline) => name(h, { url: `${desk.url}/forward` });
const alerts = (h: TestHotline) => name(h, { alert_url: `${desk.url}/alert` });

async function urgentCase(h: TestHotline, wish: object = {}): Promise<number> {
  const { report } = await h.send({ url: "https://secret-place.example/a", urgency: "immediate_danger", ...wish });
  return h.caseNumberOf(report.id);
}

async function rowOf(table: "case_forwards" | "case_alerts", h: TestHotline, number: number) {
  const [row] = await exchange.sql`
    select r.* from ${exchange.sql(table)} r join cases c on c.id = r.case_id join members m on m.id = c.hotline_id
    where c.number = ${number} and m.name = ${h.member.name}`;
  return row;
}

async function stepsOf(h: TestHotline, number: number): Promise<string[]> {
  return (await h.getCase(h.people.a, number)).steps.map(({ code }) => code);
}

async function bannerOf(h: TestHotline, number: number) {
  const path = "/v1/hotline/cases?state=open";
  const page = await h.ask<CasePage>(path, { cookie: h.people.a.cookie, method: "GET" });
  const { forward_to, forward_delivers } = page;
  return { forward_to, forward_delivers, ...page.urgent.find((row) => row.case === number) };
}

const acknowledge = (h: TestHotline, number: number) =>
  h.ask(`/v1/hotline/cases/${number}/acknowledge`, { cookie: h.people.a.cookie, method: "POST" });

const auditOf = async (action: string) =>
  (await exchange.sql<{ code: string }[]>`select code from audit_records where action = ${action} order by id`).map(
    ({ code }) => code,
  );

describe("an urgent report", () => {
  it("is told at the hotline's alert address at once, in codes only", async () => {
    const h = await openTestHotline(exchange);
    await alerts(h);
    const number = await urgentCase(h);
    await exchange.settle();
    expect(desk.posted).toEqual([
      {
        type: "urgent_report",
        exchange: exchange.origin,
        case: number,
        urgency: "immediate_danger",
        waiting_since: TEST_START.toISOString(),
        path: "/alert",
      },
    ]);
    expect(await rowOf("case_alerts", h, number)).toMatchObject({ outcome: "delivered", attempts: 1 });
    expect(await stepsOf(h, number)).toEqual(["opened", "alerted"]);
    expect((await auditOf("case.alerted")).at(-1)).toBe("delivered");
    await passTime(HOUR_MS);
    expect(desk.posted).toHaveLength(1);
  });

  it("is tried again until somebody is told, and says in its steps that they were not", async () => {
    const h = await openTestHotline(exchange);
    await alerts(h);
    desk.status = 503;
    const number = await urgentCase(h);
    await passTime(5_000);
    expect(await rowOf("case_alerts", h, number)).toMatchObject({ outcome: "failed", attempts: 2 });
    expect(await stepsOf(h, number)).toEqual(["opened", "alert_failed"]);
    desk.status = 302;
    await passTime(HOUR_MS);
    desk.status = 200;
    await passTime(HOUR_MS);
    expect(await rowOf("case_alerts", h, number)).toMatchObject({ outcome: "delivered", attempts: 4 });
    // Meanwhile nobody took over: this hotline named no address for that.
    expect(await stepsOf(h, number)).toEqual(["opened", "alert_failed", "not_forwarded", "alerted"]);
  });

  it("is not told any more once somebody acknowledged", async () => {
    const h = await openTestHotline(exchange);
    await alerts(h);
    desk.status = 500;
    const number = await urgentCase(h);
    await exchange.settle();
    await acknowledge(h, number);
    await passTime(HOUR_MS);
    expect(desk.posted).toHaveLength(1);
  });

  it("is told again when a repeat raises the urgency, and once only when it does not", async () => {
    const h = await openTestHotline(exchange);
    await alerts(h);
    const number = await urgentCase(h, { file: "a1", urgency: "ongoing_abuse_suspected" });
    await passTime(60_000);
    await urgentCase(h, { file: "a1", urgency: "ongoing_abuse_suspected" });
    await passTime(60_000);
    expect(desk.posted).toHaveLength(1);
    await urgentCase(h, { file: "a1" });
    await exchange.settle();
    expect(desk.posted.map((message) => [message.case, message.urgency])).toEqual([
      [number, "ongoing_abuse_suspected"],
      [number, "immediate_danger"],
    ]);
    expect((await stepsOf(h, number)).filter((code) => code === "alerted")).toHaveLength(2);
  });

  it("says that nobody was told where no address is named, and tells once one is", async () => {
    const h = await openTestHotline(exchange);
    const number = await urgentCase(h);
    await passTime(60_000);
    expect(await rowOf("case_alerts", h, number)).toMatchObject({ outcome: "no_address", attempts: 0 });
    expect(await stepsOf(h, number)).toEqual(["opened", "not_alerted"]);
    await alerts(h);
    await exchange.settle();
    expect(desk.posted).toMatchObject([{ type: "urgent_report", case: number }]);
    await alerts(h);
    await passTime(60_000);
    expect(desk.posted).toHaveLength(1);
  });

  it("goes nowhere that is not allowed any more", async () => {
    const h = await openTestHotline(exchange);
    await exchange.sql`update hotlines set alert_url = 'ftp://127.0.0.1/', forward_to = 'x', forward_url = 'ftp://127.0.0.1/'
      where member_id = (select id from members where name = ${h.member.name})`;
    const number = await urgentCase(h);
    await passTime(FORWARD_AFTER_MS);
    expect(await stepsOf(h, number)).toEqual(["opened", "not_alerted", "not_forwarded"]);
    expect(await bannerOf(h, number)).toMatchObject({ forward_delivers: false, forwarded_at: null });
  });
});

describe("an urgent report that nobody acknowledges", () => {
  it("is passed on after fifteen minutes, in codes only, and tried again until it arrives", async () => {
    const h = await openTestHotline(exchange);
    await forwards(h);
    desk.status = 503;
    const number = await urgentCase(h);
    await passTime(FORWARD_AFTER_MS - 1_000);
    expect(await rowOf("case_forwards", h, number)).toBeUndefined();
    expect(await bannerOf(h, number)).toMatchObject({ forward_delivers: true, forward_failed: false });
    await passTime(1_000);
    expect(await rowOf("case_forwards", h, number)).toMatchObject({
      forward_to: "Example Police",
      outcome: "failed",
      attempts: 1,
    });
    expect(await bannerOf(h, number)).toMatchObject({ forwarded_at: null, forwarded_to: null, forward_failed: true });
    desk.status = 204;
    await passTime(HOUR_MS);
    expect(await rowOf("case_forwards", h, number)).toMatchObject({ outcome: "delivered", attempts: 2 });
    await name(h, { to: "Another Desk" });
    expect(await bannerOf(h, number)).toMatchObject({
      forwarded_at: exchange.clock.now().toISOString(),
      forwarded_to: "Example Police",
      forward_failed: false,
    });
    expect(await stepsOf(h, number)).toEqual(["opened", "not_alerted", "forward_failed", "forwarded"]);
    expect((await auditOf("case.forwarded")).at(-1)).toBe("delivered");
    expect(desk.posted).toHaveLength(2);
    expect(desk.posted[1]).toMatchObject({
      type: "urgent_report_unacknowledged",
      case: number,
      urgency: "immediate_danger",
      path: "/forward",
    });
    expect(JSON.stringify(desk.posted)).not.toContain("secret-place");
    // It was "in danger now" already; a further repeat of the same urgency does not pass it on again.
    await urgentCase(h);
    await passTime(FORWARD_AFTER_MS);
    expect(desk.posted).toHaveLength(2);
  });

  it("is passed on again when a repeat makes it more urgent", async () => {
    const h = await openTestHotline(exchange);
    await forwards(h);
    const number = await urgentCase(h, { file: "f1", urgency: "ongoing_abuse_suspected" });
    await passTime(FORWARD_AFTER_MS);
    const before = await rowOf("case_forwards", h, number);
    await urgentCase(h, { file: "f1" });
    expect(await bannerOf(h, number)).toMatchObject({ forwarded_at: null });
    await passTime(FORWARD_AFTER_MS);
    const after = await rowOf("case_forwards", h, number);
    expect((after?.decided_at as Date) > (before?.decided_at as Date)).toBe(true);
    expect((await stepsOf(h, number)).filter((code) => code === "forwarded")).toHaveLength(2);
    expect(desk.posted.map(({ urgency }) => urgency)).toEqual(["ongoing_abuse_suspected", "immediate_danger"]);
  });

  it("is not put off by a repeat: the first one's fifteen minutes count", async () => {
    const h = await openTestHotline(exchange);
    await forwards(h);
    const number = await urgentCase(h, { file: "f2", urgency: "ongoing_abuse_suspected" });
    await passTime(FORWARD_AFTER_MS - 60_000);
    await urgentCase(h, { file: "f2" });
    expect(await bannerOf(h, number)).toMatchObject({
      waiting_since: TEST_START.toISOString(),
      forward_at: new Date(TEST_START.getTime() + FORWARD_AFTER_MS).toISOString(),
    });
    await passTime(60_000);
    expect(desk.posted).toMatchObject([{ type: "urgent_report_unacknowledged", urgency: "immediate_danger" }]);
  });

  it("has fifteen minutes again when a repeat raises what was acknowledged", async () => {
    const h = await openTestHotline(exchange);
    await forwards(h);
    const number = await urgentCase(h, { file: "f3", urgency: "ongoing_abuse_suspected" });
    await acknowledge(h, number);
    await passTime(FORWARD_AFTER_MS);
    await urgentCase(h, { file: "f3" });
    await passTime(FORWARD_AFTER_MS - 1_000);
    expect(desk.posted).toEqual([]);
    await passTime(1_000);
    expect(desk.posted).toMatchObject([{ case: number }]);
  });

  it("stays with whoever acknowledged in time", async () => {
    const h = await openTestHotline(exchange);
    await forwards(h);
    const number = await urgentCase(h);
    await acknowledge(h, number);
    await passTime(FORWARD_AFTER_MS * 2);
    expect(await rowOf("case_forwards", h, number)).toBeUndefined();
    expect(desk.posted).toEqual([]);
  });

  it.each([
    ["nobody is named", undefined, "nobody_named", null],
    ["who is named has no address", {}, "no_address", "Example Police"],
  ])("is not called passed on when %s", async (_case, json, outcome, to) => {
    const h = await openTestHotline(exchange);
    if (json !== undefined) await name(h, json);
    const number = await urgentCase(h);
    await passTime(FORWARD_AFTER_MS);
    await passTime(HOUR_MS);
    expect(await rowOf("case_forwards", h, number)).toMatchObject({ outcome, attempts: 0 });
    expect(await stepsOf(h, number)).toEqual(["opened", "not_alerted", "not_forwarded"]);
    expect((await auditOf("case.not_forwarded")).at(-1)).toBe(outcome);
    expect(await bannerOf(h, number)).toMatchObject({
      forward_to: to,
      forward_delivers: false,
      forwarded_at: null,
      forwarded_to: null,
    });
    // Named later, while it still waits: told now.
    await forwards(h);
    await exchange.settle();
    expect(desk.posted).toMatchObject([{ type: "urgent_report_unacknowledged", case: number }]);
    expect(await bannerOf(h, number)).toMatchObject({ forwarded_to: "Example Police" });
  });
});
