import { base64urlOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { signEnvelope, signPayloadBytes } from "@breakwater/shared/envelope.ts";
import { newUuidV7 } from "@breakwater/shared/ids.ts";
import { generateSealingKey, generateSigningKey } from "@breakwater/shared/keys.ts";
import { sealFor } from "@breakwater/shared/sealed.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  expectProblem,
  itemOf,
  openTestExchange,
  openTestHotline,
  put,
  TEST_START,
  type TestExchange,
  type TestHotline,
  testHash,
} from "../../testing/index.ts";

const DAY_MS = 86_400_000;
let exchange: TestExchange;
let hotline: TestHotline;
beforeAll(async () => {
  exchange = await openTestExchange();
  hotline = await openTestHotline(exchange);
});
afterAll(() => exchange.close());
beforeEach(() => exchange.clock.set(TEST_START));

const JSON_TYPE = { "content-type": "application/json" };

async function rowsOf(reportId: string): Promise<number> {
  const [row] = await exchange.sql<{ n: number }[]>`select count(*)::int as n from reports where id = ${reportId}`;
  return row?.n ?? 0;
}

async function counts() {
  const [row] = await exchange.sql`
    select (select count(*)::int from reports) as reports, (select count(*)::int from cases) as cases,
      (select count(*)::int from report_hashes) as hashes, (select count(*)::int from audit_records) as audit`;
  return row;
}

/** Refused, and nothing of it is anywhere: no row, and in the log only ids and codes. */
async function expectRefusedUnstored(
  body: Uint8Array | string,
  code: Parameters<typeof expectProblem>[1],
  marker: string,
) {
  const before = await counts();
  const logged = exchange.logged.length;
  const problem = await expectProblem(await hotline.post(typeof body === "string" ? utf8Of(body) : body), code);
  expect(await counts()).toEqual(before);
  expect(JSON.stringify([problem, exchange.logged.slice(logged)])).not.toContain(marker);
  return problem;
}

/** Signed by the device as it is, whatever it says. */
const signed = (payload: object) =>
  signEnvelope("bw-report+jws", payload, [hotline.device.key], { maxBytes: 200 * 1024 });

describe("POST /v1/reports", () => {
  describe("happy", () => {
    it("takes a report and answers a signed receipt for exactly these bytes", async () => {
      const { report, receipt, status } = await hotline.send({ file: "1a" });
      expect(status).toBe(201);
      expect(receipt).toMatchObject({
        report_id: report.id,
        state: "triaged",
        marks: [],
        next_step: "two_people_assess",
      });
      expect(receipt.reference).toMatch(/^BW-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}$/);
      expect(receipt.exchange).toBe(exchange.origin);
    });

    it("answers the same bytes again with the same receipt and stores them once", async () => {
      const { report, bytes } = await hotline.makeReport({ file: "1b" });
      const first = await hotline.post(bytes);
      exchange.clock.advance(60_000);
      const again = await hotline.post(bytes);
      expect([first.status, again.status]).toEqual([201, 200]);
      expect(await again.text()).toBe(await first.text());
      expect(await rowsOf(report.id)).toBe(1);
    });

    it("makes one case of two reports of one file that arrive at the same moment", async () => {
      const [x, y] = [
        await hotline.makeReport({ file: "1c" }),
        await hotline.makeReport({ file: "1c", url: "https://other.example/" }),
      ];
      const answers = await Promise.all([hotline.post(x.bytes), hotline.post(y.bytes)]);
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      expect(await hotline.caseNumberOf(x.report.id)).toBe(await hotline.caseNumberOf(y.report.id));
    });

    it("closes a test report without a case", async () => {
      const { report, receipt } = await hotline.send({ file: "1d", test: true });
      expect(receipt).toMatchObject({ state: "closed_test", next_step: "test_closed" });
      await expect(hotline.caseNumberOf(report.id)).rejects.toThrow("no case");
    });

    it("gives a repeat its own receipt, joins the case, and names the first report within one organisation", async () => {
      const first = await hotline.send({ file: "1e" });
      const repeat = await hotline.send({ file: "1e", url: "https://mirror.example/x" });
      expect(repeat.receipt).toMatchObject({
        state: "merged",
        duplicate_of: first.report.id,
        next_step: "joined_case",
      });
      expect(repeat.receipt.reference).not.toBe(first.receipt.reference);
      const seen = await hotline.getCase(hotline.people.a, await hotline.caseNumberOf(first.report.id));
      expect(seen.reports).toHaveLength(2);
    });

    it("does not tell another organisation which report was first", async () => {
      const first = await hotline.send({ file: "1f" });
      const others = await exchange.member({ roles: ["flagger"], hotline: hotline.member.name });
      const from = await exchange.device(others.name);
      const repeat = await hotline.send({ file: "1f", from });
      expect(repeat.receipt.state).toBe("merged");
      expect(repeat.receipt.duplicate_of).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      expect(repeat.receipt.duplicate_of).not.toBe(first.report.id);
    });

    it("joins an address without a hash by its keyed digest, and never two files of one page", async () => {
      const url = "https://page.example/thread/7";
      const bare = await hotline.send({ url });
      const again = await hotline.send({ url: `${url}?utm_source=x#post-3` });
      expect(await hotline.caseNumberOf(again.report.id)).toBe(await hotline.caseNumberOf(bare.report.id));
      const hashed = [await hotline.send({ url, file: "2a" }), await hotline.send({ url, file: "2b" })];
      const numbers = await Promise.all(hashed.map(({ report }) => hotline.caseNumberOf(report.id)));
      expect(new Set([...numbers, await hotline.caseNumberOf(bare.report.id)]).size).toBe(3);
    });

    it("short-circuits a file that the hotline has published itself", async () => {
      const other = await openTestHotline(exchange);
      await other.set.offer([put(testHash(1, { value: "3".repeat(64) }))], { about: other.about });
      const { report, receipt } = await other.send({ file: "3" });
      expect(receipt).toMatchObject({ state: "auto_known", next_step: "already_listed" });
      const seen = await other.getCase(other.people.a, await other.caseNumberOf(report.id));
      expect(seen).toMatchObject({ state: "auto_known", you_may_assess: false, why_not: "case_known" });
      expect(seen.known_in[0]).toMatchObject({ publisher: other.publisher.publisher, set: "verified" });
      // Listed by somebody else is not listed here: this hotline looks for itself.
      expect((await hotline.send({ file: "3" })).receipt.state).toBe("triaged");
    });

    it("does not call a file known for its MD5 when its SHA-256 is not listed", async () => {
      const other = await openTestHotline(exchange);
      const md5 = `${"0".repeat(31)}1`;
      await other.set.offer([put(testHash(1, { alg: "md5", value: md5 }))], { about: other.about });
      const crafted = itemOf("4", {
        hashes: [
          { alg: "md5", value: md5 },
          { alg: "sha256", value: "4".repeat(64) },
        ],
      });
      expect((await other.send({ items: [crafted] })).receipt.state).toBe("triaged");
      const plain = itemOf("5", { hashes: [{ alg: "md5", value: md5 }] });
      const path = `/v1/hotline/cases/1/reject`;
      await other.ask(path, { cookie: other.people.a.cookie, json: { reason: "hash_mismatch" } });
      expect((await other.send({ items: [plain], url: "https://b.example/" })).receipt.state).toBe("auto_known");
    });

    it("shows the score as parts, and a repeat raises it and cannot lower it", async () => {
      const flags = ["new_looking", "location_clue"] as const;
      const first = await hotline.send({ file: "6a", flags: [...flags], age: "7_10", act: "penetrative" });
      const number = await hotline.caseNumberOf(first.report.id);
      const before = await hotline.getCase(hotline.people.a, number);
      expect(before).toMatchObject({ score: 70, priority: 1 });
      expect(before.score_parts.map(({ code }) => code).sort()).toEqual([
        "identifying_clue",
        "new_and_young",
        "severe_act",
      ]);
      await hotline.send({ file: "6a", urgency: "archive" });
      expect((await hotline.getCase(hotline.people.a, number)).score).toBe(70);
      await hotline.send({ file: "6a", flags: ["livestream"] });
      expect((await hotline.getCase(hotline.people.a, number)).score).toBe(90);
    });

    it("takes an urgent report with address, kind, country and good faith only, and alerts at once", async () => {
      const logged = exchange.logged.length;
      const { report, receipt } = await hotline.send({ url: "https://chat.example/room", urgency: "immediate_danger" });
      expect(receipt).toMatchObject({ state: "urgent_hold", next_step: "urgent_alerted" });
      await exchange.settle();
      expect(exchange.logged.slice(logged).filter(({ event }) => event === "urgent_alert")).toHaveLength(1);
      const seen = await hotline.getCase(hotline.people.a, await hotline.caseNumberOf(report.id));
      expect(seen).toMatchObject({ urgent: true, priority: 1 });
      // This hotline named no address to be told at.
      expect(seen.steps.map(({ code }) => code)).toEqual(["opened", "not_alerted"]);
    });

    it("alerts again when a repeat raises the urgency, also while the case is being assessed", async () => {
      const first = await hotline.send({ file: "6b" });
      const number = await hotline.caseNumberOf(first.report.id);
      await hotline.ask(`/v1/hotline/cases/${number}/take`, { cookie: hotline.people.a.cookie, method: "POST" });
      const logged = exchange.logged.length;
      const repeat = await hotline.send({ file: "6b", urgency: "immediate_danger" });
      expect(repeat.receipt).toMatchObject({
        state: "urgent_hold",
        duplicate_of: first.report.id,
        next_step: "urgent_alerted",
      });
      await exchange.settle();
      expect(exchange.logged.slice(logged).filter(({ event }) => event === "urgent_alert")).toHaveLength(1);
      const seen = await hotline.getCase(hotline.people.a, number);
      expect(seen).toMatchObject({ state: "in_review", urgent: true, acknowledged_at: null });
    });

    it("adds what follows an urgent report to its case, for the same device only", async () => {
      const urgent = await hotline.send({ url: "https://chat.example/first", urgency: "immediate_danger" });
      const number = await hotline.caseNumberOf(urgent.report.id);
      const details = await hotline.send({
        file: "6d",
        url: "https://elsewhere.example/",
        supersedes: urgent.report.id,
      });
      expect(details.receipt).toMatchObject({ state: "merged", duplicate_of: urgent.report.id });
      expect(await hotline.caseNumberOf(details.report.id)).toBe(number);
      const colleague = await exchange.device(hotline.flaggers.name);
      const foreign = await hotline.send({
        file: "6e",
        url: "https://c.example/",
        supersedes: urgent.report.id,
        from: colleague,
      });
      expect(await hotline.caseNumberOf(foreign.report.id)).not.toBe(number);
    });

    it("files a report of many items", async () => {
      const items = Array.from({ length: 150 }, (_, at) => itemOf(`d${at.toString(16).padStart(3, "0")}`));
      const { report } = await hotline.send({ items, url: "https://many.example/" });
      const [row] = await exchange.sql<
        { n: number }[]
      >`select count(*)::int as n from report_hashes where report_id = ${report.id}`;
      expect(row?.n).toBe(150);
    });

    it("opens a new case for a file whose case was closed: what was gone may be back", async () => {
      const first = await hotline.send({ file: "6c" });
      const number = await hotline.caseNumberOf(first.report.id);
      const path = `/v1/hotline/cases/${number}/unverifiable`;
      await hotline.ask(path, { cookie: hotline.people.a.cookie, json: { reason: "gone" } });
      const again = await hotline.send({ file: "6c" });
      expect(again.receipt.duplicate_of).toBeUndefined();
      expect(await hotline.caseNumberOf(again.report.id)).not.toBe(number);
    });
  });

  describe("time", () => {
    it.each([
      ["two days ahead", 2 * DAY_MS, ["clock_skew"]],
      ["two days behind", -2 * DAY_MS, ["late"]],
      ["a month in the outbox", -30 * DAY_MS, ["late"]],
    ])("takes a report from a clock %s and marks it", async (_, offsetMs, marks) => {
      exchange.clock.advance(offsetMs);
      const { bytes, report } = await hotline.makeReport({ file: newUuidV7(0).slice(-2) + newUuidV7(0).slice(-4) });
      exchange.clock.set(TEST_START);
      const response = await hotline.post(bytes);
      expect(response.status).toBe(201);
      const [row] = await exchange.sql`select marks from reports where id = ${report.id}`;
      expect(row?.marks).toEqual(marks);
    });

    it("takes a report of an expired device and marks it", async () => {
      exchange.clock.advance(200 * DAY_MS);
      const { receipt } = await hotline.send({ file: "7a" });
      expect(receipt.marks).toEqual(["device_expired"]);
    });

    it("takes a report whose observation lies after its writing, and marks it", async () => {
      const { receipt } = await hotline.send({ file: "7b", observed_at: "2026-11-23T09:00:00+01:00" });
      expect(receipt.marks).toEqual(["time_order"]);
    });
  });

  describe("error", () => {
    it("refuses another body under a used number", async () => {
      const { report } = await hotline.send({ file: "8a" });
      const { bytes } = await hotline.makeReport({ file: "8b", id: report.id });
      await expectProblem(await hotline.post(bytes), "report_conflict");
    });

    it.each(["multipart/form-data", "application/octet-stream", "image/png", "text/plain"])(
      "refuses the type %s",
      async (type) => {
        const { bytes, report } = await hotline.makeReport({ file: "8c" });
        await expectProblem(await hotline.post(bytes, { "content-type": type }), "content_type_unsupported");
        expect(await rowsOf(report.id)).toBe(0);
      },
    );

    it("refuses a signed envelope type that is for publishers", async () => {
      const { bytes } = await hotline.makeReport();
      await expectProblem(
        await hotline.post(bytes, { "content-type": "application/jose+json" }),
        "content_type_unsupported",
      );
    });

    it("refuses a body over 96 KiB, also when it comes in chunks", async () => {
      const large = new Uint8Array(97 * 1024).fill(0x20);
      await expectProblem(await hotline.post(large), "report_too_large");
      const body = new ReadableStream({
        start(controller) {
          for (let i = 0; i < 97; i++) controller.enqueue(new Uint8Array(1024).fill(0x20));
          controller.close();
        },
      });
      const chunked = await exchange.request("/v1/reports", { method: "POST", headers: JSON_TYPE, body });
      await expectProblem(chunked, "report_too_large");
    });

    it("refuses a payload over 64 KiB in a body under 96", async () => {
      const { report } = await hotline.makeReport();
      const items = Array.from({ length: 190 }, (_, at) =>
        itemOf(at.toString(16).padStart(4, "0"), { mime: `image/${"x".repeat(80)}` }),
      );
      await expectProblem(await hotline.post(await signed({ ...report, items })), "report_too_large");
    });

    it("refuses what breaks the schema with the members at fault, never their values", async () => {
      const { report } = await hotline.makeReport();
      const secret = "very-telling-text";
      const body = await signed({ ...report, report_kind: secret, explanation: secret });
      const problem = await expectRefusedUnstored(body, "report_invalid", secret);
      expect(problem.pointers).toEqual(expect.arrayContaining(["/report_kind", "/*"]));
    });

    it.each([
      [
        "an exact hash of something rendered",
        { items: [itemOf("9", { acquisition: { method: "rendered_crop", source_fidelity: "rendered" } })] },
      ],
      ["items in url_only", { report_kind: "url_only", items: [itemOf("9")] }],
      ["a hash in upper case", { items: [itemOf("9", { hashes: [{ alg: "sha256", value: "A".repeat(64) }] })] }],
      ["a hash of wrong length", { items: [itemOf("9", { hashes: [{ alg: "sha256", value: "a".repeat(63) }] })] }],
      ["no good faith", { good_faith: { accepted: false, version: "1" } }],
      ["a place that is not there", { items: [itemOf("9", { location_ref: 3 })] }],
    ])("refuses %s", async (_, change) => {
      const { report } = await hotline.makeReport();
      await expectProblem(await hotline.post(await signed({ ...report, ...change })), "report_invalid");
    });

    it("refuses a report that no key of the hotline can open", async () => {
      const stranger = await generateSealingKey({ extractable: false });
      const sealed = await sealFor([{ kid: stranger.kid, jwk: stranger.publicJwk }], {
        locations: [{ url: "https://a.example/", url_canonical: "https://a.example/" }],
      });
      const { report } = await hotline.makeReport();
      await expectProblem(await hotline.post(await signed({ ...report, ...sealed })), "sealed_invalid");
    });

    it("refuses a flagger whose hotline has no agent", async () => {
      const bare = await openTestHotline(exchange, { named: false });
      const { bytes } = await bare.makeReport();
      await expectProblem(await bare.post(bytes), "recipients_missing");
    });
  });

  describe("security", () => {
    const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg";
    it.each([
      ["a base64 picture in a field of its own", { explanation: PNG }],
      ["a picture as data address", { note: `see data:image/png;base64,${PNG}` }],
      ["a picture in hex", { note: "89504e470d0a1a0a0000000d49484452" }],
      ["a long run that is no picture that we know", { note: "Qk".repeat(300) }],
      ["a picture as a member's name", { [PNG]: 1 }],
      ["a picture where a hash belongs", { items: [itemOf("9", { hashes: [{ alg: "sha256", value: PNG }] })] }],
      ["a picture where ciphertext belongs", { sealed: { ciphertext: PNG.replaceAll("+", "-").replaceAll("/", "_") } }],
    ])("refuses %s unstored and unlogged", async (_, change) => {
      const { report } = await hotline.makeReport();
      await expectRefusedUnstored(await signed({ ...report, ...change }), "imagery_suspected", "iVBORw0KGgo");
    });

    it("slows down who has no device, from one address, and nobody else there", async () => {
      const from = { ...JSON_TYPE, "cf-connecting-ip": "192.0.2.77" };
      const stranger = await generateSigningKey({ extractable: false });
      const { report, bytes } = await hotline.makeReport({ file: "77" });
      const forged = await signEnvelope("bw-report+jws", report, [stranger], { maxBytes: 200 * 1024 });
      for (let i = 0; i < 60; i++) await expectProblem(await hotline.post(forged, from), "device_unknown");
      await expectProblem(await hotline.post(forged, from), "rate_limited");
      expect((await hotline.post(bytes, from)).status).toBe(201);
    });

    it("refuses words that nobody encrypted, unstored and unlogged", async () => {
      const { report } = await hotline.makeReport();
      const sealed = { ...report.sealed, ciphertext: base64urlOf(utf8Of("written in clear".padEnd(512))) };
      await expectRefusedUnstored(await signed({ ...report, sealed }), "report_invalid", sealed.ciphertext);
    });

    it("refuses a PNG as body and as payload", async () => {
      const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Uint8Array(200).fill(7)]);
      await expectProblem(await hotline.post(png), "envelope_format");
      const wrapped = await signPayloadBytes("bw-report+jws", png, [hotline.device.key], { maxBytes: 98_304 });
      await expectProblem(await hotline.post(wrapped), "jcs_invalid");
    });

    it("refuses a device that is not enrolled, one that waits, and one that was switched off", async () => {
      const stranger = await generateSigningKey({ extractable: false });
      const { report } = await hotline.makeReport();
      const unknown = await signEnvelope("bw-report+jws", report, [stranger], { maxBytes: 98_304 });
      await expectProblem(await hotline.post(unknown), "device_unknown");
      const waiting = await exchange.device(hotline.flaggers.name, { waiting: true });
      await expectProblem(await hotline.post((await hotline.makeReport({ from: waiting })).bytes), "device_waiting");
      const off = await exchange.device(hotline.flaggers.name);
      const { bytes } = await hotline.makeReport({ from: off });
      await hotline.ask(`/v1/devices/${off.id}/revoke`, { key: exchange.operatorKey, method: "POST" });
      await expectProblem(await hotline.post(bytes), "device_revoked");
    });

    it("refuses a changed payload, another typ, and a report in another's name", async () => {
      const { report, bytes } = await hotline.makeReport({ file: "9a" });
      const text = new TextDecoder().decode(bytes);
      const envelope = JSON.parse(text) as { payload: string };
      const swapped = (await signed({ ...report, report_kind: "grooming" })) as Uint8Array;
      const other = (JSON.parse(new TextDecoder().decode(swapped)) as { payload: string }).payload;
      await expectProblem(await hotline.post(utf8Of(text.replace(envelope.payload, other))), "signature_invalid");
      const typ = await signEnvelope("bw-device+jws", report, [hotline.device.key], { maxBytes: 98_304 });
      await expectProblem(await hotline.post(typ), "envelope_typ");
      const elsewhere = await exchange.device(hotline.flaggers.name);
      const reporter = { ...report.reporter, device_id: elsewhere.id };
      await expectProblem(await hotline.post(await signed({ ...report, reporter })), "report_invalid");
      expect(await rowsOf(report.id)).toBe(0);
    });

    it("stores nothing when the signer is away, and takes the same report afterwards", async () => {
      const { report, bytes } = await hotline.makeReport({ file: "9b" });
      const before = await counts();
      const { signReceipt } = exchange.signer;
      exchange.signer.signReceipt = () => Promise.reject(new Error("away"));
      const refused = await hotline.post(bytes).finally(() => Object.assign(exchange.signer, { signReceipt }));
      expect(refused.status).toBeGreaterThanOrEqual(500);
      expect(await counts()).toEqual(before);
      expect((await hotline.post(bytes)).status).toBe(201);
      expect(await rowsOf(report.id)).toBe(1);
    });
  });
});

describe("GET /v1/reports/{id}", () => {
  const status = async (id: string, from = hotline.device) =>
    exchange.request(`/v1/reports/${id}`, { device: await from.proof(`/v1/reports/${id}`) });

  describe("happy", () => {
    it("tells the device a coded state and nothing of who assessed", async () => {
      const { report, receipt } = await hotline.send({ file: "a1" });
      const number = await hotline.caseNumberOf(report.id);
      expect(await (await status(report.id)).json()).toMatchObject({
        report_id: report.id,
        reference: receipt.reference,
        state: "triaged",
      });
      await hotline.assess(hotline.people.a, number, hotline.finding(hotline.hashesAtSource(report.items)));
      const answer = await (await status(report.id)).json();
      expect(answer).toMatchObject({ state: "in_review" });
      expect(Object.keys(answer as object).sort()).toEqual(["reference", "report_id", "state", "updated_at"]);
    });

    it("tells the outcome of a rejected report as a code", async () => {
      const { report } = await hotline.send({ file: "a2" });
      const path = `/v1/hotline/cases/${await hotline.caseNumberOf(report.id)}/reject`;
      await hotline.ask(path, { cookie: hotline.people.a.cookie, json: { reason: "adult" } });
      expect(await (await status(report.id)).json()).toMatchObject({ state: "rejected", outcome_code: "adult" });
    });
  });

  describe("error", () => {
    it("answers 404 for a number that is none and for one that nobody used", async () => {
      await expectProblem(await status("nonsense"), "not_found");
      await expectProblem(await status(newUuidV7(TEST_START.getTime())), "not_found");
    });
  });

  describe("security", () => {
    it("answers 404 to another device, of the same organisation too", async () => {
      const { report } = await hotline.send({ file: "a3" });
      const colleague = await exchange.device(hotline.flaggers.name);
      await expectProblem(await status(report.id, colleague), "not_found");
    });

    it("answers nobody without a device's proof", async () => {
      const { report } = await hotline.send({ file: "a4" });
      await expectProblem(await exchange.request(`/v1/reports/${report.id}`), "unauthenticated");
      await expectProblem(
        await exchange.request(`/v1/reports/${report.id}`, { cookie: hotline.people.a.cookie }),
        "forbidden",
      );
      await expectProblem(await exchange.request(`/v1/reports/${report.id}`, { key: hotline.member.key }), "forbidden");
    });
  });
});
