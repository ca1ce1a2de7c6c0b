// An exchange as the extension meets it: real formats and signatures, everything else canned, every request recorded.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { base64urlOf, digestOf } from "@breakwater/shared/bytes.ts";
import { openEnvelope, signEnvelope } from "@breakwater/shared/envelope.ts";
import { newUuidV7 } from "@breakwater/shared/ids.ts";
import { generateSealingKey, generateSigningKey, type PublicJwk, thumbprint } from "@breakwater/shared/keys.ts";
import { type Receipt, referenceOf } from "@breakwater/shared/receipt.ts";
import { agentPin, signRecipients } from "@breakwater/shared/recipients.ts";
import { openReport, type Report } from "@breakwater/shared/report.ts";
import { openSealed, type SealedContent } from "@breakwater/shared/sealed.ts";

export const DEVICE_ID = "0123456789abcdef0123456789abcdef";
export const INVITE_ID = "00112233445566778899aabbccddeeff";
export const INVITE_SECRET = "s".repeat(43);

export type Recorded = { method: string; path: string; body: Buffer; headers: IncomingMessage["headers"] };
export type TakenReport = { report: Report; content: SealedContent; bytes: Uint8Array };

/** What the next answers are, changed by the test as it goes. */
export type Mood = {
  device: "waiting" | "active" | "revoked" | "ended";
  rung3: boolean;
  /** What the exchange says of urgent reports that nobody confirms. */
  passedOn: boolean;
  reports: "take" | "busy" | "drop" | "refuse" | "bad_receipt" | "hang";
};

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

export async function startFakeExchange() {
  const receiptKey = await generateSigningKey({ extractable: false });
  const otherKey = await generateSigningKey({ extractable: false });
  const agent = await generateSigningKey({ extractable: false });
  const sealing = await generateSealingKey({ extractable: false });
  const urlKey = crypto.getRandomValues(new Uint8Array(32));
  const mood: Mood = { device: "active", rung3: false, passedOn: false, reports: "take" };
  const requests: Recorded[] = [];
  const taken = new Map<string, TakenReport>();
  let deviceKey: PublicJwk | undefined;

  const recipients = await signRecipients(
    {
      hotline: "hotline",
      version: 1,
      iat: 1_790_000_000,
      signing_key: agent.publicJwk,
      recipients: [{ kid: sealing.kid, jwk: sealing.publicJwk, role: "agent" }],
    },
    agent,
  );

  const device = () => ({
    device_id: DEVICE_ID,
    state: mood.device,
    member: "flaggers",
    member_title: "Example Flaggers",
    hotline: { name: "hotline", title: "Example Hotline", publisher: "hotline.example", agent_key: agent.publicJwk },
    administrator: "B. Senior",
    expires_at: "2027-02-20T00:00:00Z",
    receipt_keys: [receiptKey.publicJwk],
    policy: { rung3: mood.rung3, max_items_per_hour: 60 },
  });

  async function takeReport(body: Buffer, response: ServerResponse): Promise<void> {
    if (mood.reports === "busy") return problem(response, 503, "busy", { "retry-after": "1" });
    if (mood.reports === "refuse") return problem(response, 422, "report_invalid");
    if (mood.reports === "hang") return;
    if (!deviceKey) return problem(response, 401, "device_unknown");
    const { report } = await openReport(body, new Map([[await thumbprint(deviceKey), deviceKey]]));
    const { content } = await openSealed(report.sealed, sealing.privateKey, sealing.kid, report.sealed_digest);
    const again = taken.has(report.id);
    taken.set(report.id, { report, content, bytes: body });
    // Taken, and the answer lost on its way: the device has to ask again.
    if (mood.reports === "drop") {
      response.destroy();
      return;
    }
    const receipt: Receipt = {
      schema: "receipt/1",
      report_id: report.id,
      reference: referenceOf(report.id),
      received_at: new Date().toISOString(),
      body_sha256: await digestOf(body),
      exchange: "Example Exchange",
      hotline: "Example Hotline",
      state: report.urgency === "immediate_danger" ? "urgent_hold" : "received",
      marks: [],
      next_step: report.urgency === "immediate_danger" ? "urgent_alerted" : "two_people_assess",
    };
    const signer = mood.reports === "bad_receipt" ? otherKey : receiptKey;
    const bytes = await signEnvelope("bw-receipt+jws", receipt, [signer]);
    response.writeHead(again ? 200 : 201, { "content-type": "application/jose+json" }).end(bytes);
  }

  function problem(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
    response
      .writeHead(status, { "content-type": "application/problem+json", ...headers })
      .end(JSON.stringify({ status, code }));
  }

  async function isDevice(request: IncomingMessage, path: string): Promise<boolean> {
    const [scheme, text] = (request.headers.authorization ?? "").split(" ");
    if (scheme !== "Device" || !text || !deviceKey) return false;
    const keys = new Map([[await thumbprint(deviceKey), deviceKey]]);
    const { payload } = await openEnvelope(Buffer.from(text, "base64url"), "bw-device+jws", keys, 1);
    return (
      (payload as { aud: string; path: string }).path === path && (payload as { aud: string }).aud === exchange.origin
    );
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?")[0] as string;
    const body = await readBody(request);
    requests.push({ method: request.method ?? "", path, body, headers: request.headers });
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "authorization, content-type");
    response.setHeader("access-control-expose-headers", "date, retry-after, breakwater-forward");
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    if (path === "/v1/devices" && request.method === "POST") {
      if (mood.device === "ended") return problem(response, 410, "invite_expired");
      const asked = JSON.parse(body.toString()) as { signing_key: PublicJwk };
      deviceKey = asked.signing_key;
      response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify(device()));
      return;
    }
    if (path === "/v1/reports" && request.method === "POST") return takeReport(body, response);
    if (!(await isDevice(request, path))) return problem(response, 401, "device_unknown");
    if (mood.device === "revoked") return problem(response, 403, "device_revoked");
    if (path === "/v1/devices/me") {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(device()));
      return;
    }
    if (path === "/v1/hotline/recipients") {
      const headers = { "content-type": "application/jose+json", "breakwater-forward": mood.passedOn ? "yes" : "no" };
      response.writeHead(200, headers).end(recipients);
      return;
    }
    const status = /^\/v1\/reports\/([0-9a-f-]{36})$/.exec(path);
    if (status) {
      const state = {
        report_id: status[1],
        reference: "BW-0000-0000-0000",
        state: "published",
        updated_at: "2026-11-22T14:02:00Z",
      };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(state));
      return;
    }
    problem(response, 404, "not_found");
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => problem(response, 422, "report_invalid"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");

  const exchange = {
    origin: `http://127.0.0.1:${address.port}`,
    mood,
    requests,
    taken,
    urlKey,
    async inviteCode(): Promise<string> {
      const local = new Uint8Array(48);
      local.set(urlKey);
      local.set(await agentPin(agent.kid), 32);
      return `bwi_${INVITE_ID}_${INVITE_SECRET}_${base64urlOf(local)}`;
    },
    newId: () => newUuidV7(Date.now()),
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return exchange;
}
export type FakeExchange = Awaited<ReturnType<typeof startFakeExchange>>;
