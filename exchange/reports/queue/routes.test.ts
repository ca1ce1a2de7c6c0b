import { openNote, sealNote } from "@breakwater/shared/sealed.ts";
import type { CasePage } from "@breakwater/shared/wire/hotline.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  expectProblem,
  fileHash,
  itemOf,
  openTestExchange,
  openTestHotline,
  TEST_START,
  type TestExchange,
  type TestHotline,
  type TestPerson,
} from "../../testing/index.ts";

let exchange: TestExchange;
let hotline: TestHotline;
let stranger: TestHotline;
beforeAll(async () => {
  exchange = await openTestExchange();
  hotline = await openTestHotline(exchange);
  stranger = await openTestHotline(exchange);
});
afterAll(() => exchange.close());
beforeEach(() => exchange.clock.set(TEST_START));

let made = 0x1000;
function newFile(): string {
  made += 1;
  return made.toString(16);
}
const people = () => hotline.people;

async function newCase(wish = {}) {
  const sent = await hotline.send({ file: newFile(), url: `https://forum.example/t/${made}`, ...wish });
  return { ...sent, number: await hotline.caseNumberOf(sent.report.id) };
}
const act = (person: TestPerson | undefined, number: number | string, what: string, json?: unknown) =>
  exchange.request(`/v1/hotline/cases/${number}/${what}`, {
    ...(person === undefined ? {} : { cookie: person.cookie }),
    method: "POST",
    ...(json === undefined ? {} : { json }),
  });
async function stateOf(response: Response): Promise<string> {
  const body = (await response.json()) as { state?: string; code?: string };
  return body.state ?? body.code ?? "";
}
const findingFor = (
  sent: { report: { items: Parameters<TestHotline["hashesAtSource"]>[0] } },
  change = {},
  file?: string,
) => hotline.finding(hotline.hashesAtSource(sent.report.items, file), change);

const FOR_ANALYSTS = "is for analysts of this hotline, from the console's own page";
/** What every route of a case refuses: nobody, another role, another hotline, a key, a foreign page. */
async function refusesOthers(what: string, json?: unknown): Promise<void> {
  const { number } = await newCase();
  await expectProblem(await act(undefined, number, what, json), "unauthenticated");
  const publisher = await exchange.person(hotline.member.name, ["publisher"]);
  await expectProblem(await act(publisher, number, what, json), "role_required");
  await expectProblem(await act(stranger.people.a, 99_999, what, json), "not_found");
  const path = `/v1/hotline/cases/${number}/${what}`;
  const init = { method: "POST", ...(json === undefined ? {} : { json }) };
  const foreign = { ...init, cookie: people().a.cookie, origin: "https://other.example" };
  await expectProblem(await exchange.request(path, foreign), "origin_mismatch");
  await expectProblem(await exchange.request(path, { ...init, key: hotline.member.key }), "forbidden");
}

describe("GET /v1/hotline/cases", () => {
  const queue = (h: TestHotline, person: TestPerson, state = "open") =>
    h.ask<CasePage>(`/v1/hotline/cases?state=${state}`, { cookie: person.cookie, method: "GET" });

  describe("happy", () => {
    it("lists the most pressing case first, counts, and shows urgent ones with their time", async () => {
      const h = await openTestHotline(exchange);
      const low = await h.send({ file: "01", url: "https://a.example/" });
      const high = await h.send({
        file: "02",
        url: "https://cdn.b.example/x",
        flags: ["new_looking"],
        age: "0_2",
        jurisdiction: { observer_country: "IE", suspected_host_country: "NL" },
      });
      const urgent = await h.send({ url: "https://c.example/", urgency: "immediate_danger" });
      const page = await queue(h, h.people.a);
      const numbers = await Promise.all([urgent, high, low].map(({ report }) => h.caseNumberOf(report.id)));
      expect(page.cases.map((row) => row.case)).toEqual(numbers);
      expect(page.cases[1]).toMatchObject({
        priority: 2,
        score: 30,
        host: "b.example",
        country: "NL",
        items: 1,
        addresses: 1,
        joined: 1,
        with: null,
      });
      expect(page.counts).toEqual({ open: 3, mine: 0, known: 0 });
      expect(page.urgent).toMatchObject([
        {
          case: numbers[0],
          acknowledged: false,
          forward_at: "2026-11-22T09:15:00.000Z",
          forwarded_at: null,
          forwarded_to: null,
          forward_failed: false,
        },
      ]);
      expect(page).toMatchObject({ forward_to: null, forward_delivers: false });
    });

    it("filters mine, known and all", async () => {
      const { number } = await newCase();
      await act(people().a, number, "take");
      expect((await queue(hotline, people().a, "mine")).cases.map((row) => row.case)).toContain(number);
      expect((await queue(hotline, people().b, "mine")).cases.map((row) => row.case)).not.toContain(number);
      await act(people().a, number, "reject", { reason: "adult" });
      expect((await queue(hotline, people().a)).cases.map((row) => row.case)).not.toContain(number);
      expect((await queue(hotline, people().a, "all")).cases.map((row) => row.case)).toContain(number);
    });
  });
  describe("error", () => {
    it("refuses a filter that is none", async () => {
      await expectProblem(
        await exchange.request("/v1/hotline/cases?state=secret", { cookie: people().a.cookie }),
        "query_invalid",
      );
    });
  });
  describe("security", () => {
    it("shows nothing of another hotline, and nothing of a full address", async () => {
      await newCase({ url: "https://forum.example/secret-path-77" });
      const mine = JSON.stringify(await queue(hotline, people().a, "all"));
      expect(mine).not.toContain("secret-path-77");
      expect((await queue(stranger, stranger.people.a, "all")).cases).toEqual([]);
      await expectProblem(await exchange.request("/v1/hotline/cases"), "unauthenticated");
    });
  });
});

describe("POST /v1/hotline/cases/next", () => {
  const next = (person: TestPerson) =>
    exchange.request("/v1/hotline/cases/next", { cookie: person.cookie, method: "POST" });
  describe("happy", () => {
    it("gives two people two cases, and none that one of them has assessed already", async () => {
      const h = await openTestHotline(exchange);
      const sent = [
        await h.send({ file: "11", url: "https://a.example/" }),
        await h.send({ file: "12", url: "https://b.example/" }),
      ];
      const [x, y] = await Promise.all([next(h.people.a), next(h.people.b)]);
      const taken = [((await x.json()) as { case: number }).case, ((await y.json()) as { case: number }).case];
      expect(taken.sort()).toEqual((await Promise.all(sent.map(({ report }) => h.caseNumberOf(report.id)))).sort());
      expect(await (await next(h.people.a)).json()).toEqual({ case: null });
    });
  });
  describe("error", () => {
    it("answers null for an empty queue", async () => {
      expect(await (await next(stranger.people.a)).json()).toEqual({ case: null });
    });
  });
  describe("security", () => {
    it("is for analysts", async () => {
      const publisher = await exchange.person(hotline.member.name, ["publisher"]);
      await expectProblem(await next(publisher), "role_required");
      await expectProblem(await exchange.request("/v1/hotline/cases/next", { method: "POST" }), "unauthenticated");
    });
  });
});

describe("GET /v1/hotline/cases/{n}", () => {
  describe("happy", () => {
    it("shows the report as it was signed, the flagger's hashes and what was unusual", async () => {
      exchange.clock.advance(-30 * 86_400_000);
      const { bytes, report } = await hotline.makeReport({ file: newFile() });
      exchange.clock.set(TEST_START);
      await hotline.post(bytes);
      const seen = await hotline.getCase(people().a, await hotline.caseNumberOf(report.id));
      expect(seen.reports[0]).toMatchObject({
        report_id: report.id,
        marks: ["late"],
        payload: { sealed_digest: report.sealed_digest },
      });
      expect(seen.items[0]?.hashes).toEqual(report.items[0]?.hashes);
      expect(seen).toMatchObject({ stage: "first", you_may_assess: true, assessments_saved: 0, assessments: [] });
    });
  });
  describe("error", () => {
    it("answers 404 for what is not there", async () => {
      for (const n of ["99999", "0", "x", "9999999999999"]) {
        await expectProblem(
          await exchange.request(`/v1/hotline/cases/${n}`, { cookie: people().a.cookie }),
          "not_found",
        );
      }
    });
  });
  describe("security", () => {
    it("shows the second assessor nothing of the first's grading or hashes before theirs is saved", async () => {
      const sent = await newCase();
      const telling = {
        act: "sadism_or_animal",
        age: "3_6",
        production: "ai_manipulated",
        flags: ["livestream"],
      } as const;
      // The first one also found a file of their own: its hash must not show either.
      const own = {
        item_id: crypto.randomUUID(),
        alg: "sha256",
        value: fileHash("dead"),
        source: "original_bytes",
      } as const;
      const mine = findingFor(sent, { ...telling, flags: [...telling.flags] });
      await hotline.assess(people().a, sent.number, { ...mine, hashes: [...mine.hashes, own] });
      const paths = [
        `/v1/hotline/cases/${sent.number}`,
        "/v1/hotline/cases?state=all",
        "/v1/hotline/ready",
        `/v1/hotline/cases/${sent.number}/seals/missing`,
      ];
      for (const person of [people().b, people().c]) {
        for (const path of paths) {
          const text = await (await exchange.request(path, { cookie: person.cookie })).text();
          for (const word of ["sadism_or_animal", '"3_6"', "ai_manipulated", "livestream", fileHash("dead")])
            expect(text).not.toContain(word);
        }
      }
      expect(await hotline.getCase(people().b, sent.number)).toMatchObject({
        state: "verified_1",
        stage: "second",
        assessments: [],
        assessments_saved: 1,
      });
      await hotline.assess(people().b, sent.number, findingFor(sent));
      expect((await hotline.getCase(people().b, sent.number)).assessments).toHaveLength(2);
      // A third person decides now, and is as blind as the second was.
      expect(await hotline.getCase(people().c, sent.number)).toMatchObject({
        state: "disagreement",
        stage: "third",
        assessments: [],
      });
    });

    it("tells a third assessor not who of the two would reject", async () => {
      const codesFor = async (number: number) => {
        const { steps } = await hotline.getCase(people().c, number);
        return steps.map(({ code, by }) => `${code} ${by ?? ""}`);
      };
      const [differed, rejected] = [await newCase(), await newCase()];
      for (const sent of [differed, rejected]) await hotline.assess(people().a, sent.number, findingFor(sent));
      await hotline.assess(people().b, differed.number, findingFor(differed, { act: "sadism_or_animal" }));
      await act(people().b, rejected.number, "reject", { reason: "adult" });
      expect(await codesFor(rejected.number)).toEqual(await codesFor(differed.number));
      const own = await hotline.getCase(people().a, rejected.number);
      expect(own.steps.at(-1)).toMatchObject({ code: "rejection_differs", by: people().b.name });
    });

    it("shows the first assessor the second's only when both are saved", async () => {
      const sent = await newCase();
      await hotline.assess(people().a, sent.number, findingFor(sent));
      const before = await hotline.getCase(people().a, sent.number);
      expect(before).toMatchObject({ you_may_assess: false, why_not: "already_assessed" });
      expect(before.assessments.map(({ yours }) => yours)).toEqual([true]);
      await hotline.assess(people().b, sent.number, findingFor(sent));
      expect((await hotline.getCase(people().a, sent.number)).assessments).toHaveLength(2);
    });

    it("answers 404 to another hotline", async () => {
      const h = await openTestHotline(exchange);
      const { number } = await newCase();
      await expectProblem(
        await exchange.request(`/v1/hotline/cases/${number}`, { cookie: h.people.a.cookie }),
        "not_found",
      );
      await expectProblem(await exchange.request(`/v1/hotline/cases/${number}`), "unauthenticated");
    });
  });
});

describe("POST /v1/hotline/cases/{n}/take", () => {
  describe("happy", () => {
    it("makes the case the caller's, twice is once", async () => {
      const { number } = await newCase();
      expect(await stateOf(await act(people().a, number, "take"))).toBe("in_review");
      expect(await stateOf(await act(people().a, number, "take"))).toBe("in_review");
      expect((await hotline.getCase(people().b, number)).with).toMatchObject({ you: false });
    });
  });
  describe("error", () => {
    it("refuses what a colleague has, what one has assessed, and what is closed", async () => {
      const sent = await newCase();
      await act(people().a, sent.number, "take");
      await expectProblem(await act(people().b, sent.number, "take"), "case_conflict");
      await hotline.assess(people().a, sent.number, findingFor(sent));
      await expectProblem(await act(people().a, sent.number, "take"), "assessor_same");
      await act(people().b, sent.number, "unverifiable", { reason: "gone" });
      await expectProblem(await act(people().c, sent.number, "take"), "case_state");
    });
  });
  describe("security", () => {
    it(FOR_ANALYSTS, () => refusesOthers("take"));
  });
});

describe("POST /v1/hotline/cases/{n}/return", () => {
  describe("happy", () => {
    it("puts the case back", async () => {
      const { number } = await newCase();
      await act(people().a, number, "take");
      expect(await stateOf(await act(people().a, number, "return"))).toBe("triaged");
      expect(await stateOf(await act(people().b, number, "take"))).toBe("in_review");
    });
  });
  describe("error", () => {
    it("refuses a case that is not the caller's", async () => {
      const { number } = await newCase();
      await expectProblem(await act(people().a, number, "return"), "case_conflict");
    });
  });
  describe("security", () => {
    it(FOR_ANALYSTS, () => refusesOthers("return"));
  });
});

describe("POST /v1/hotline/cases/{n}/acknowledge", () => {
  describe("happy", () => {
    it("takes the urgent case and stops the clock", async () => {
      const { number } = await newCase({ file: undefined, urgency: "immediate_danger" });
      expect(await stateOf(await act(people().a, number, "acknowledge"))).toBe("in_review");
      expect(await hotline.getCase(people().a, number)).toMatchObject({
        with: { you: true },
        acknowledged_at: TEST_START.toISOString(),
      });
    });
  });
  describe("error", () => {
    it("refuses what is not urgent and what a colleague has acknowledged", async () => {
      const { number } = await newCase();
      await expectProblem(await act(people().a, number, "acknowledge"), "case_state");
      const urgent = await newCase({ urgency: "immediate_danger" });
      await act(people().a, urgent.number, "acknowledge");
      await expectProblem(await act(people().b, urgent.number, "acknowledge"), "case_conflict");
    });
  });
  describe("security", () => {
    it(FOR_ANALYSTS, () => refusesOthers("acknowledge"));
  });
});

describe("POST /v1/hotline/cases/{n}/assessments", () => {
  describe("happy", () => {
    it("verifies a case that two people find alike", async () => {
      const sent = await newCase();
      const first = await hotline.assess(people().a, sent.number, findingFor(sent));
      expect(await first.json()).toEqual({ case: sent.number, state: "verified_1", comparison: null });
      const second = await hotline.assess(people().b, sent.number, findingFor(sent));
      expect(await second.json()).toEqual({ case: sent.number, state: "verified", comparison: "agree" });
    });

    it("keeps only what both computed", async () => {
      const sent = await newCase();
      const extra = {
        item_id: sent.report.items[0]?.item_id as string,
        alg: "md5",
        value: "0".repeat(32),
        source: "original_bytes",
      } as const;
      const first = findingFor(sent);
      await hotline.assess(people().a, sent.number, { ...first, hashes: [...first.hashes, extra] });
      await hotline.assess(people().b, sent.number, findingFor(sent));
      const rows =
        await exchange.sql`select alg from case_entries e join cases c on c.id = e.case_id join members m on m.id = c.hotline_id
        where c.number = ${sent.number} and m.name = ${hotline.member.name}`;
      expect(rows.map(({ alg }) => alg)).toEqual(["sha256"]);
    });

    it("lets a third person decide where two differ", async () => {
      const sent = await newCase();
      await hotline.assess(people().a, sent.number, findingFor(sent));
      const second = await hotline.assess(people().b, sent.number, findingFor(sent, { age: "16_17" }));
      expect(await second.json()).toMatchObject({ state: "disagreement", comparison: "disagree" });
      const third = await hotline.assess(people().c, sent.number, findingFor(sent, { age: "16_17" }));
      expect(await third.json()).toMatchObject({ state: "verified", comparison: "agree" });
    });

    it("closes a case that two people find not to be listed", async () => {
      const sent = await newCase();
      for (const person of [people().a, people().b])
        await hotline.assess(person, sent.number, findingFor(sent, { verdict: "not_illegal" }));
      expect(await hotline.getCase(people().a, sent.number)).toMatchObject({
        state: "rejected",
        outcome_code: "not_csam",
      });
    });

    it("compares a rendered PDQ within 31 bits, and confirms what both computed from the file", async () => {
      const lead = "0".repeat(64);
      const item = itemOf("0", {
        hashes: [{ alg: "pdq", value: lead, quality: 90 }],
        acquisition: { method: "rendered_crop", source_fidelity: "rendered" },
      });
      const at = (bits: string) => [
        {
          item_id: item.item_id,
          alg: "pdq",
          value: bits + "0".repeat(64 - bits.length),
          quality: 88,
          source: "original_bytes",
        } as const,
      ];
      const near = await newCase({ items: [item], file: undefined });
      for (const person of [people().a, people().b])
        await hotline.assess(person, near.number, hotline.finding(at("ff7")));
      expect((await hotline.getCase(people().a, near.number)).state).toBe("verified");
      const far = await newCase({
        items: [{ ...item, item_id: crypto.randomUUID() }],
        file: undefined,
        url: "https://far.example/",
      });
      const id = far.report.items[0]?.item_id as string;
      for (const person of [people().a, people().b])
        await hotline.assess(
          person,
          far.number,
          hotline.finding(at("ffffffff").map((hash) => ({ ...hash, item_id: id }))),
        );
      expect(await hotline.getCase(people().a, far.number)).toMatchObject({
        state: "unverifiable",
        outcome_code: "hash_not_confirmed",
      });
    });

    it("keeps a note that only the hotline can read", async () => {
      const sent = await newCase();
      const note_sealed = await sealNote(
        [hotline.analystKeys.a.recipient, hotline.analystKeys.b.recipient],
        "Seen at 10:04.",
      );
      await hotline.assess(people().a, sent.number, { ...findingFor(sent), note_sealed });
      const [mine] = (await hotline.getCase(people().a, sent.number)).assessments;
      expect(
        await openNote(mine?.assessment?.note_sealed, hotline.analystKeys.a.privateKey, hotline.analystKeys.a.kid),
      ).toBe("Seen at 10:04.");
    });
  });

  describe("error", () => {
    it("refuses a rendered hash by schema, and other words than the vocabulary's", async () => {
      const sent = await newCase();
      const hashes = hotline.hashesAtSource(sent.report.items).map((hash) => ({ ...hash, source: "rendered" }));
      const problem = await expectProblem(
        await hotline.assess(people().a, sent.number, { ...findingFor(sent), hashes }),
        "assessment_invalid",
      );
      expect(problem.pointers).toEqual(["/hashes/0/source"]);
      await expectProblem(
        await hotline.assess(people().a, sent.number, findingFor(sent, { act: "another" })),
        "assessment_invalid",
      );
      await expectProblem(
        await hotline.assess(people().a, sent.number, { ...findingFor(sent), note: "plain text" }),
        "assessment_invalid",
      );
      await expectProblem(
        await hotline.assess(people().a, sent.number, { ...findingFor(sent), note: "iVBORw0KGgoAAAANSUhEUg" }),
        "imagery_suspected",
      );
    });

    it("refuses to assess over a colleague who has the case", async () => {
      const sent = await newCase();
      await act(people().a, sent.number, "take");
      await expectProblem(await hotline.assess(people().b, sent.number, findingFor(sent)), "case_conflict");
    });

    it("closes a case whose hashes differ: nothing of it can be listed", async () => {
      const sent = await newCase();
      await hotline.assess(people().a, sent.number, findingFor(sent));
      const second = await hotline.assess(people().b, sent.number, findingFor(sent, {}, "abc1"));
      expect(await second.json()).toMatchObject({ state: "unverifiable", comparison: "hash_not_confirmed" });
    });
  });

  describe("security", () => {
    it("refuses the same person as both assessors, also in two sessions and at the same moment", async () => {
      const sent = await newCase();
      const again: TestPerson = { ...people().a, cookie: await exchange.signIn(people().a.id) };
      const answers = await Promise.all([
        hotline.assess(people().a, sent.number, findingFor(sent)),
        hotline.assess(again, sent.number, findingFor(sent)),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      await expectProblem(await hotline.assess(again, sent.number, findingFor(sent)), "assessor_same");
      expect((await hotline.getCase(people().a, sent.number)).state).toBe("verified_1");
    });
    it(FOR_ANALYSTS, () =>
      refusesOthers("assessments", {
        verdict: "illegal",
        act: "not_assessed",
        age: "not_assessed",
        production: "unsure",
        flags: [],
        hashes: [],
      }),
    );
  });
});

describe("POST /v1/hotline/cases/{n}/reject", () => {
  describe("happy", () => {
    it("closes a case that nobody else has judged", async () => {
      const { number } = await newCase();
      expect(await stateOf(await act(people().a, number, "reject", { reason: "not_csam" }))).toBe("rejected");
    });

    it("does not overrule a colleague alone: a third person decides", async () => {
      const sent = await newCase();
      await hotline.assess(people().a, sent.number, findingFor(sent));
      expect(await stateOf(await act(people().b, sent.number, "reject", { reason: "adult" }))).toBe("disagreement");
      expect(await stateOf(await act(people().c, sent.number, "reject", { reason: "adult" }))).toBe("rejected");
      const other = await newCase();
      await hotline.assess(people().a, other.number, findingFor(other));
      await act(people().b, other.number, "reject", { reason: "adult" });
      expect(await (await hotline.assess(people().c, other.number, findingFor(other))).json()).toMatchObject({
        state: "verified",
      });
    });
  });
  describe("error", () => {
    it("refuses without a reason, with one of its own, and what is closed", async () => {
      const { number } = await newCase();
      await expectProblem(await act(people().a, number, "reject", {}), "request_invalid");
      await expectProblem(await act(people().a, number, "reject", { reason: "because" }), "request_invalid");
      await act(people().a, number, "reject", { reason: "adult" });
      await expectProblem(await act(people().b, number, "reject", { reason: "adult" }), "case_state");
    });
  });
  describe("security", () => {
    it("does not let the first assessor undo the second pair of eyes", async () => {
      const sent = await newCase();
      await hotline.assess(people().a, sent.number, findingFor(sent));
      await expectProblem(await act(people().a, sent.number, "reject", { reason: "adult" }), "assessor_same");
    });
    it(FOR_ANALYSTS, () => refusesOthers("reject", { reason: "adult" }));
  });
});

describe("POST /v1/hotline/cases/{n}/unverifiable", () => {
  describe("happy", () => {
    it("closes a case that cannot be looked at", async () => {
      const { number } = await newCase();
      expect(await stateOf(await act(people().a, number, "unverifiable", { reason: "login_wall" }))).toBe(
        "unverifiable",
      );
      expect(await hotline.getCase(people().a, number)).toMatchObject({ outcome_code: "login_wall", stage: "done" });
    });
  });
  describe("error", () => {
    it("refuses without a reason of the table", async () => {
      const { number } = await newCase();
      await expectProblem(await act(people().a, number, "unverifiable", { reason: "adult" }), "request_invalid");
    });
  });
  describe("security", () => {
    it(FOR_ANALYSTS, () => refusesOthers("unverifiable", { reason: "gone" }));
  });
});

describe("POST /v1/hotline/cases/{n}/copied", () => {
  describe("happy", () => {
    it("puts on record who copied which address, by place", async () => {
      const { number, report } = await newCase();
      expect((await act(people().a, number, "copied", { report_id: report.id, location: 0 })).status).toBe(204);
      expect((await hotline.getCase(people().b, number)).steps.at(-1)).toMatchObject({ code: "address_copied" });
      const [row] =
        await exchange.sql`select * from audit_records where action = 'address.copied' and subject = ${report.id}`;
      expect(row).toMatchObject({ actor_id: people().a.id, code: "location_0" });
    });
  });
  describe("error", () => {
    it("refuses a place that is not there and a report of another case", async () => {
      const { number, report } = await newCase();
      await expectProblem(await act(people().a, number, "copied", { report_id: report.id, location: 1 }), "not_found");
      const other = await newCase();
      await expectProblem(
        await act(people().a, number, "copied", { report_id: other.report.id, location: 0 }),
        "not_found",
      );
      await expectProblem(await act(people().a, number, "copied", { location: 0 }), "request_invalid");
    });
  });
  describe("security", () => {
    it(FOR_ANALYSTS, () => refusesOthers("copied", { report_id: "019aa000-0000-7000-8000-000000000000", location: 0 }));
  });
});
