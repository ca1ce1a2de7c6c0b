import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { type Seeded, seed } from "@breakwater/local/seed.ts";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendLargeSet } from "../../bench/large-set.ts";

const SIZE = 30_000;
const HUNG_UP_MS = 10_000;
const POLL_MS = 50;

let home: string;
let running: RunningExchange;
let profiles: Seeded["profiles"];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "breakwater-feed-"));
  chmodSync(home, 0o711);
  running = await startExchange({ home, durable: false });
  ({ profiles } = await seed({ home, exchange: running, say: () => {}, signal: new AbortController().signal }));
  await (await sendLargeSet({ url: running.url, profiles }, "fed", SIZE)).admit();
});
afterAll(async () => {
  await running?.stop();
  rmSync(home, { recursive: true, force: true });
});

type Answer = { status: number | undefined; headers: IncomingHttpHeaders; body: Buffer };

/** As the wire has it: nothing is unpacked on the way. */
function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const authorization = `Bearer ${profiles.company.apiKey}`;
    request(
      `${running.url}/v1/sets/hotline.example/fed/${path}`,
      { method, headers: { authorization, ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part)).on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }),
        );
      },
    )
      .on("error", reject)
      .end();
  });
}

describe.each(["changes?limit=1000", "entries.ndjson", "entries.csv"])("on the real runtime, %s", (path) => {
  it("comes plain to whoever names no coding, packed once to whoever takes gzip, and says the same", async () => {
    const plain = await get(path);
    expect(plain.headers["content-encoding"]).toBeUndefined();
    const packed = await get(path, { "accept-encoding": "gzip" });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    expect(packed.body.length).toBeLessThan(plain.body.length / 4);
    if (path.startsWith("entries")) {
      const header = path.endsWith("csv") ? 1 : 0;
      expect(plain.body.toString().trimEnd().split("\n")).toHaveLength(SIZE + header);
    }
  });

  it("is not sent again to whoever has it, and answers HEAD", async () => {
    const { headers, status } = await get(path, {}, "HEAD");
    expect(status).toBe(200);
    const again = await get(path, { "if-none-match": headers.etag as string, "accept-encoding": "gzip" });
    expect({ status: again.status, length: again.body.length }).toEqual({ status: 304, length: 0 });
    expect(again.headers.etag).toBe(headers.etag);
  });
});

it.each(["identity", "gzip"])("a reader who hangs up lets go of the database at once (%s)", async (coding) => {
  const sql = postgres(running.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const busy = async () => {
      const [row] = await sql<{ active: number }[]>`
        select count(*)::int as active from pg_stat_activity
        where state <> 'idle' and query like '%entry_versions%' and pid <> pg_backend_pid()`;
      return row?.active;
    };
    await new Promise<void>((resolve, reject) => {
      const asked = request(
        `${running.url}/v1/sets/hotline.example/fed/entries.ndjson`,
        { headers: { authorization: `Bearer ${profiles.company.apiKey}`, "accept-encoding": coding } },
        (response) => {
          response.once("data", () => {
            response.on("error", () => {});
            response.destroy();
            resolve();
          });
        },
      );
      asked.on("error", reject).end();
    });
    await expect.poll(busy, { timeout: HUNG_UP_MS, interval: POLL_MS }).toBe(0);
    expect((await get("changes?limit=1")).status).toBe(200);
  } finally {
    await sql.end();
  }
});
