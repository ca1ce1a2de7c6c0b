import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAgentKeys, createInviteCode, updateRecipients } from "@breakwater/client/hotline/index.ts";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { type Members, openClient, seedMembers } from "@breakwater/local/seed-members.ts";
import { newUuidV7 } from "@breakwater/shared/ids.ts";
import { generateSigningKey } from "@breakwater/shared/keys.ts";
import { signReport } from "@breakwater/shared/report.ts";
import { digestUrl, parseReportedUrl } from "@breakwater/shared/reported-url.ts";
import { sealFor } from "@breakwater/shared/sealed.ts";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const AT_ONCE = { timeout: 10_000, interval: 50 };

let home: string;
let running: RunningExchange;
let members: Members;
let desk: Server;
let posted: { path: string | undefined; type: string | undefined; message: Record<string, unknown> }[];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "breakwater-urgent-"));
  chmodSync(home, 0o711);
  running = await startExchange({ home, durable: false, ticking: false });
  members = await seedMembers(home, running);
  posted = [];
  desk = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const message = JSON.parse(Buffer.concat(parts).toString());
    posted.push({ path: request.url, type: request.headers["content-type"], message });
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  await once(desk, "listening");
});
afterAll(async () => {
  desk?.close();
  await running?.stop();
  rmSync(home, { recursive: true, force: true });
});

async function ask<T>(path: string, body: string | Uint8Array<ArrayBuffer>, method = "POST"): Promise<T> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${running.url}${path}`, { method, headers, body });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** As a flagger's extension does it, from the invite code to the report. */
async function sendUrgentReport(): Promise<void> {
  const hotline = openClient(members.profiles.hotline);
  const keys = await createAgentKeys(members.profiles.hotline.dir);
  await hotline.hotline.registerAgent({ signing_key: keys.signing.publicJwk, sealing_key: keys.sealing.publicJwk });
  const profileDir = members.profiles.hotline.dir;
  const agent = { hotline: hotline.hotline, profileDir, member: "hotline", keys, now: () => new Date() };
  const { list } = await updateRecipients(agent, async () => false);
  const { port } = desk.address() as { port: number };
  const named = { url: `http://127.0.0.1:${port}/forward`, alert_url: `http://127.0.0.1:${port}/alert` };
  expect(await hotline.hotline.nameForward({ to: "Example Police", ...named })).toEqual({
    to: "Example Police",
    delivers: true,
    alerts: true,
  });
  const { code, inviteId } = await createInviteCode(hotline.operator, keys, "flaggers");
  await openClient(members.profiles.operator).operator.decideInvite(inviteId, "approve");
  const key = await generateSigningKey({ extractable: false });
  const device = await ask<{ device_id: string }>(
    "/v1/devices",
    JSON.stringify({
      invite_id: inviteId,
      invite_secret: code.slice(`bwi_${inviteId}_`.length).slice(0, 43),
      signing_key: key.publicJwk,
      client: { name: "test", version: "0.1.0" },
    }),
  );
  const now = new Date();
  const address = parseReportedUrl("https://secret-place.example/room");
  const sealed = await sealFor(list.recipients, {
    locations: [{ url: address.url, url_canonical: address.url_canonical }],
  });
  const report = {
    schema: "report/1" as const,
    id: newUuidV7(now.getTime()),
    created_at: now.toISOString(),
    client: { name: "extension", version: "0.1.0", browser_family: "Chromium", os_family: "Linux" },
    reporter: { member: "flaggers", device_id: device.device_id, role: "flagger" as const },
    test: false,
    report_kind: "csam" as const,
    urgency: "immediate_danger" as const,
    good_faith: { accepted: true as const, version: "1" },
    jurisdiction: { observer_country: "IE" as never },
    language: "en",
    sharing: "hotline_only" as const,
    locations: [
      {
        role: "page" as const,
        domain: address.domain,
        url_digest: await digestUrl(keys.urlKey, address.url_canonical),
      },
    ],
    items: [],
    ...sealed,
  };
  await ask("/v1/reports", await signReport(report as never, key));
}

describe("an urgent report on the real runtime", () => {
  it("is told at the hotline's desk at once, without waiting for a tick", async () => {
    await sendUrgentReport();
    await expect.poll(() => posted.length, AT_ONCE).toBe(1);
    expect(posted[0]).toMatchObject({
      path: "/alert",
      type: "application/json",
      message: { type: "urgent_report", case: 1, urgency: "immediate_danger", exchange: running.url },
    });
    expect(JSON.stringify(posted)).not.toContain("secret-place");
  });

  it("is passed on when its time has come and nobody has acknowledged", async () => {
    const sql = postgres(running.databaseUrl, { max: 1 });
    // Fifteen minutes in a moment: the rows are all that knows the time.
    await sql`update cases set forward_at = now() - interval '1 second'`;
    await sql`update jobs set run_at = now() - interval '1 second' where kind = 'reports_forward'`;
    await running.tick();
    await expect.poll(() => posted.length, AT_ONCE).toBe(2);
    expect(posted[1]).toMatchObject({ path: "/forward", message: { type: "urgent_report_unacknowledged", case: 1 } });
    await expect
      .poll(async () => (await sql`select code from case_steps order by id`).map(({ code }) => code), AT_ONCE)
      .toEqual(["opened", "alerted", "forwarded"]);
    await sql.end();
  });
});
