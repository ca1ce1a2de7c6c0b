import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { signRecall } from "@breakwater/shared/recall.ts";
import { recallNow } from "@breakwater/shared/testing/recall.ts";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLedger } from "../ledger/ledger.ts";
import { readMarks } from "../ledger/marks.ts";
import { type Affected, affectedBy, stateOf } from "../ledger/undo.ts";
import { testHashEntry, testId } from "../testing/entries.ts";
import { testDecision } from "../testing/hits.ts";
import { openLooker } from "../testing/match-file.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { WEBHOOK_WAITS_MS } from "../webhooks/deliver.ts";
import { newSecret, parseEndpointUrl, parseSecret, writeEndpoint } from "../webhooks/endpoint.ts";
import { listMessages, queueTakenBack } from "../webhooks/outbox.ts";
import { afterSync } from "./after-sync.ts";

const SET = "hotline.example/verified";
let scene: Scene;
let receiver: {
  server: Server;
  url: string;
  got: { headers: Record<string, string>; body: string }[];
  status: number;
  location?: string;
};
const secret = newSecret();

beforeEach(async () => {
  scene = await openScene(4);
  await scene.sync();
  const ledger = await openLedger(scene.stateDir);
  await ledger.append([
    testDecision({ entry: testId(1), content: "upload-1", origin: { release: 1 } }),
    testDecision({ entry: testId(1), content: "upload-2", action: "review", origin: { release: 1 } }),
    testDecision({ entry: testId(2), content: "upload-3", action: "observe", origin: { release: 1 } }),
    testDecision({ entry: testId(1), content: "elsewhere", set: "other.example/set" }),
  ]);
  await ledger.close();
  receiver = { server: createServer(), url: "", got: [], status: 204 };
  receiver.server.on("request", (request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      receiver.got.push({ headers: request.headers as Record<string, string>, body });
      response.writeHead(receiver.status, receiver.location === undefined ? {} : { location: receiver.location }).end();
    });
  });
  await new Promise<void>((resolve) => receiver.server.listen(0, "127.0.0.1", resolve));
  receiver.url = `http://127.0.0.1:${(receiver.server.address() as { port: number }).port}/hook?tenant=1`;
  await writeEndpoint(scene.dir, { url: receiver.url, secret });
});
afterEach(async () => {
  await new Promise((resolve) => receiver.server.close(resolve));
  await scene.close();
});

const settle = (now = new Date()) =>
  afterSync({ stateDir: scene.stateDir, profileDir: scene.dir, exchange: scene.source, now });
async function withdraw(...numbers: number[]): Promise<void> {
  await scene.publisher.release(
    numbers.map((n) => ({ op: "del" as const, id: testId(n) as never, why: "withdrawn" as const })),
  );
  expect(await scene.sync()).toMatchObject({ outcome: "updated" });
}
async function undone(): Promise<Affected[]> {
  const rows: Affected[] = [];
  for await (const row of affectedBy(scene.stateDir, { now: new Date(), targets: [], observed: false })) rows.push(row);
  return rows;
}

describe("after a withdrawal", () => {
  it("the rows that rest on it are marked, and the receiver is told how many hits there were", async () => {
    expect((await settle()).takenBack).toEqual([]);
    await withdraw(1, 3);
    const { takenBack, webhooks } = await settle();
    const entries = [{ entry: testId(1), hits: 2, reviewed: 1, blocked: 1 }];
    expect(takenBack).toEqual([{ set: SET, what: "withdrawn", release: 2, entries }]);
    expect((await undone()).map((row) => [row.content, stateOf(row, new Date())])).toEqual([
      ["upload-1", "withdrawn"],
      ["upload-2", "withdrawn"],
    ]);
    expect(webhooks).toEqual({ delivered: 1, waiting: 0, givenUp: 0 });
    const [{ headers, body } = { headers: {}, body: "" }] = receiver.got;
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({
      type: "entry.withdrawn",
      data: { set: SET, publisher: "hotline.example", release: 2, hits: 2, reviewed: 1, blocked: 1, entries },
    });
    expect(body).not.toContain("upload");
    expect(body).not.toContain(testHashEntry(1).value);
    expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow();
  });

  it("is told once, and found again when a kill came before it was marked", async () => {
    await withdraw(1);
    receiver.status = 503;
    await settle();
    const first = await listMessages(scene.stateDir);
    await rm(join(scene.stateDir, "ledger", "marks.ndjson"));
    await rm(join(scene.stateDir, "ledger", "compared.json"));
    expect((await settle()).takenBack.length).toBe(1);
    expect((await listMessages(scene.stateDir)).map(({ id }) => id)).toEqual(first.map(({ id }) => id));
    expect((await settle()).takenBack).toEqual([]);
  });

  it("also finds hits that another process wrote after the look", async () => {
    await withdraw(1, 2, 3);
    await settle();
    const ledger = await openLedger(scene.stateDir);
    await ledger.append([testDecision({ entry: testId(3), content: "late" })]);
    await ledger.close();
    expect((await settle()).takenBack).toMatchObject([{ entries: [{ entry: testId(3), hits: 1 }] }]);
  });

  it("marks nothing because this member now wants only some of the entries", async () => {
    await scene.sync({ view: { only: ["md5"] } });
    expect((await openLooker(scene.stateDir)).look({ sha256: testHashEntry(1).value })).toEqual([]);
    expect((await settle()).takenBack).toEqual([]);
    await withdraw(1);
    expect((await settle()).takenBack).toMatchObject([{ entries: [{ entry: testId(1), hits: 2 }] }]);
  });

  it("marks nothing because a copy is damaged, and takes a mark back when an entry is listed again", async () => {
    const current = join(scene.stateDir, "sets", "hotline.example", "verified", "current.json");
    const text = await readFile(current, "utf8");
    await writeFile(current, "{");
    expect((await settle()).takenBack).toEqual([]);
    await writeFile(current, text);
    await withdraw(1);
    await settle();
    await scene.publisher.release(scene.publisher.put(testHashEntry(1)));
    await scene.sync();
    expect((await settle()).takenBack).toEqual([]);
    expect((await readMarks(scene.stateDir)).get(`${SET}#${testId(1)}`)?.withdrawn).toBeUndefined();
    expect(await undone()).toEqual([]);
  });
});

describe("after a recall", () => {
  it("the rows it names are marked until it ends, and the receiver is told", async () => {
    const recall = recallNow({ releases: [1, 1] });
    scene.double.store.postRecall(scene.publisher.setId, await signRecall(recall, [scene.publisher.releaseKey]));
    await scene.sync();
    expect((await settle()).takenBack).toMatchObject([
      { set: SET, what: "recalled", recall: 1, entries: [{ hits: 2 }, { hits: 1 }] },
    ]);
    expect(JSON.parse(receiver.got[0]?.body ?? "")).toMatchObject({
      type: "entry.recalled",
      data: { recall: 1, hits: 3 },
    });
    const rows = await undone();
    expect(rows.map((row) => stateOf(row, new Date()))).toEqual(["recalled", "recalled"]);
    expect(rows.map((row) => stateOf(row, new Date(Date.now() + 7_200_000)))).toEqual(["listed", "listed"]);
    expect((await settle()).takenBack).toEqual([]);
  });
});

describe("a receiver that does not take a message", () => {
  it.each([
    ["answers 500", 500, undefined],
    ["redirects", 307, "http://127.0.0.1:1/elsewhere"],
  ])(
    "and %s is asked again later, each time with the same number and a new signature, until it is given up",
    async (_title, status, location) => {
      receiver.status = status;
      if (location !== undefined) receiver.location = location;
      await withdraw(1);
      let now = new Date();
      expect((await settle(now)).webhooks).toEqual({ delivered: 0, waiting: 1, givenUp: 0 });
      expect((await settle(now)).webhooks).toEqual({ delivered: 0, waiting: 1, givenUp: 0 });
      expect(receiver.got.length).toBe(1);
      for (const waitMs of WEBHOOK_WAITS_MS.slice(0, -1)) {
        now = new Date(now.getTime() + waitMs);
        expect((await settle(now)).webhooks.waiting).toBe(1);
      }
      expect(receiver.got.length).toBe(WEBHOOK_WAITS_MS.length);
      expect(new Set(receiver.got.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
      expect(new Set(receiver.got.map(({ headers }) => headers["webhook-signature"])).size).toBe(
        WEBHOOK_WAITS_MS.length,
      );
      now = new Date(now.getTime() + (WEBHOOK_WAITS_MS.at(-1) ?? 0));
      expect((await settle(now)).webhooks).toEqual({ delivered: 0, waiting: 0, givenUp: 1 });
    },
  );

  it("keeps a round of syncs waiting for one of its timeouts and no more", async () => {
    const now = new Date();
    await queueTakenBack(
      scene.stateDir,
      [1, 2, 3].map((n) => ({
        set: SET,
        what: "withdrawn" as const,
        release: n,
        entries: [{ entry: testId(n), hits: 1, reviewed: 0, blocked: 1 }],
      })),
      now,
    );
    receiver.status = 500;
    expect((await settle(now)).webhooks).toEqual({ delivered: 0, waiting: 3, givenUp: 0 });
    expect(receiver.got.length).toBe(1);
    receiver.status = 200;
    expect((await settle(now)).webhooks).toEqual({ delivered: 2, waiting: 1, givenUp: 0 });
  });

  it("hears of it after it is back, also from another process", async () => {
    receiver.status = 500;
    await withdraw(1);
    await settle();
    receiver.status = 200;
    const later = new Date(Date.now() + (WEBHOOK_WAITS_MS[0] ?? 0));
    expect((await settle(later)).webhooks).toEqual({ delivered: 1, waiting: 0, givenUp: 0 });
  });
});

describe("an endpoint", () => {
  it.each([
    "ftp://intake.example/",
    "http://intake.example/",
    "https://user:pass@intake.example/",
    "intake.example",
    "https://intake.example/#x",
  ])("%s is refused", (url) => expect(() => parseEndpointUrl(url)).toThrow());
  it.each(["", "whsec_", "whsec_short", `whsec_${"!".repeat(44)}`, "secret"])("the secret %j is refused", (text) => {
    expect(() => parseSecret(text)).toThrow();
  });
});

it("opinions, daily counts and floods reach the exchange in the same round", async () => {
  const tomorrow = new Date(Date.now() + 86_400_000);
  const { opinions } = await settle(tomorrow);
  // The other set is not there any more: nobody could be told of it.
  expect(opinions).toMatchObject({ sent: 2, waiting: 0, refused: [{ code: "not_found", items: 1 }] });
  const items = [...scene.double.store.getSet(scene.publisher.setId).opinions.values()].flat();
  expect(items).toMatchObject([{ kind: "sighting", count_band: "1-4" }, { kind: "sighting" }]);
});
