import { sealNote } from "@breakwater/shared/sealed.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { transaction } from "../platform/db.ts";
import {
  openTestExchange,
  openTestHotline,
  TEST_START,
  type TestExchange,
  type TestHotline,
} from "../testing/index.ts";
import { LISTED_KEEP_DAYS, OUTCOME_KEEP_DAYS, REJECTED_KEEP_DAYS, reportsRetention } from "./retention.ts";

const DAY_MS = 86_400_000;
let exchange: TestExchange;
let hotline: TestHotline;
beforeAll(async () => {
  exchange = await openTestExchange();
  hotline = await openTestHotline(exchange);
});
afterAll(() => exchange.close());

// Words that exist in the flagger's mind and in the sealed part only.
const WORDS = {
  explanation: "Explanation-marker-5531 of what was seen.",
  handle: "handle-marker-8812",
  profile: "https://social.example/profile-marker-4410",
  child: "child-hint-marker-2207",
  offender: "offender-hint-marker-9903",
  reference: "emergency-marker-6104",
  path: "path-marker-7719",
  token: "token-marker-3358",
  note: "note-marker-1146",
};
const URL_IN_FULL = `https://cdn.forum.example/t/${WORDS.path}?token=${WORDS.token}`;

/** Every value of every table, as text and, for bytes, as what they would read as. */
async function dump(): Promise<string> {
  const tables = await exchange.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = current_schema() and table_type = 'BASE TABLE'`;
  const parts: string[] = [];
  for (const { name } of tables) {
    const rows = await exchange.sql`select * from ${exchange.sql(name)}`;
    for (const value of rows.flatMap((row) => Object.values(row))) parts.push(textOf(value));
  }
  return parts.join("\n");
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `${decoded(new TextDecoder().decode(value))}`;
  return decoded(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
}

// What is base64url inside (an envelope's payload, a protected header) is looked into as well, as a reader would.
function decoded(text: string): string {
  const inner = [...text.matchAll(/[A-Za-z0-9_-]{24,}/g)].map(([run]) =>
    Buffer.from(run, "base64url").toString("latin1"),
  );
  return [text, ...inner].join("\n");
}

async function sendTelling(file: string) {
  const account = {
    service: "social.example",
    handle: WORDS.handle,
    profile_url: WORDS.profile,
    relation: "poster" as const,
  };
  return hotline.send({
    file,
    url: URL_IN_FULL,
    content: {
      explanation: WORDS.explanation,
      accounts: [account],
      child_location_hint: WORDS.child,
      offender_hint: WORDS.offender,
      emergency_reference: WORDS.reference,
    },
  });
}

describe("the operator cannot read a report", () => {
  it("holds no explanation, account, hint or full address in clear: in no column, no log line, no answer of the queue", async () => {
    const { report } = await sendTelling("c1");
    const number = await hotline.caseNumberOf(report.id);
    const note_sealed = await sealNote([hotline.analystKeys.a.recipient], WORDS.note);
    const finding = hotline.finding(hotline.hashesAtSource(report.items), { note_sealed });
    await hotline.ask(`/v1/hotline/cases/${number}/copied`, {
      cookie: hotline.people.a.cookie,
      json: { report_id: report.id, location: 0 },
    });
    for (const person of [hotline.people.a, hotline.people.b]) await hotline.assess(person, number, finding);
    await hotline.publish([number]);
    // Also where something goes wrong: a broken body, a wrong signature, a refused picture.
    await hotline.post((await hotline.makeReport({ url: URL_IN_FULL })).bytes.slice(0, 900));
    await exchange.runJobs();
    const answers = await Promise.all(
      [`/v1/hotline/cases/${number}`, "/v1/hotline/cases?state=all", "/v1/hotline/ready"].map(async (path) =>
        decoded(await (await exchange.request(path, { cookie: hotline.people.b.cookie })).text()),
      ),
    );
    const stored = await dump();
    const logged = JSON.stringify(exchange.logged);
    // The dump does hold what it should: else it would prove nothing.
    expect(stored).toContain(report.id);
    expect(stored).toContain("forum.example");
    expect(stored).toContain(report.sealed_digest);
    for (const word of Object.values(WORDS)) {
      const marker = word.match(/[a-z]+(?:-[a-z]+)*-marker-\d+|Explanation-marker-\d+/)?.[0] as string;
      expect(marker).toBeDefined();
      for (const text of [stored, logged, ...answers]) expect(text).not.toContain(marker);
    }
    expect(logged).not.toContain("forum.example");
  });
});

describe("retention", () => {
  async function enforceAll(): Promise<Record<string, number>> {
    const removed: Record<string, number> = {};
    await exchange.withDeps(async (deps) => {
      for (const rule of reportsRetention) {
        const before = new Date(deps.now().getTime() - rule.keepDays * DAY_MS);
        removed[rule.what] = await transaction(deps, (tx) => rule.enforce(tx, before, deps.now()));
      }
    });
    return removed;
  }
  const bodies = async (number: number) => {
    const rows = await exchange.sql<{ body: unknown }[]>`
      select r.body from reports r join cases c on c.id = r.case_id join members m on m.id = c.hotline_id
      where c.number = ${number} and m.name = ${hotline.member.name}`;
    return rows.map(({ body }) => body !== null);
  };

  it("removes what an unlisted report said after 30 days, keeps its coded outcome, and removes that after two years", async () => {
    exchange.clock.set(TEST_START);
    const { report } = await sendTelling("c2");
    const number = await hotline.caseNumberOf(report.id);
    await hotline.ask(`/v1/hotline/cases/${number}/reject`, {
      cookie: hotline.people.a.cookie,
      json: { reason: "adult" },
    });
    exchange.clock.advance((REJECTED_KEEP_DAYS - 1) * DAY_MS);
    await enforceAll();
    expect(await bodies(number)).toEqual([true]);
    exchange.clock.advance(2 * DAY_MS);
    await enforceAll();
    expect(await bodies(number)).toEqual([false]);
    const [left] = await exchange.sql`
      select (select count(*)::int from report_hashes where report_id = ${report.id}) as hashes,
        (select count(*)::int from report_locations where report_id = ${report.id}) as places,
        (select outcome_code from cases c join reports r on r.case_id = c.id where r.id = ${report.id}) as outcome`;
    expect(left).toEqual({ hashes: 0, places: 0, outcome: "adult" });
    exchange.clock.advance((OUTCOME_KEEP_DAYS + 1) * DAY_MS);
    await enforceAll();
    expect(await bodies(number)).toEqual([]);
  });

  it("keeps a listed report for a year from when it was last worked on, and ends one that nobody finished", async () => {
    exchange.clock.set(TEST_START);
    const sent = await hotline.verify({ file: "c3", url: "https://year.example/" });
    await hotline.publish([sent.number]);
    const open = await hotline.send({ file: "c4", url: "https://never.example/" });
    const openNumber = await hotline.caseNumberOf(open.report.id);
    exchange.clock.advance((LISTED_KEEP_DAYS - 1) * DAY_MS);
    await enforceAll();
    expect([await bodies(sent.number), await bodies(openNumber)]).toEqual([[true], [true]]);
    exchange.clock.advance(2 * DAY_MS);
    await enforceAll();
    expect([await bodies(sent.number), await bodies(openNumber)]).toEqual([[false], [false]]);
    const rows = await exchange.sql<{ state: string }[]>`
      select c.state from cases c join reports r on r.case_id = c.id where r.id in (${sent.report.id}, ${open.report.id}) order by c.number`;
    // The entry stays listed; only what the report said is gone. Nothing turns it into "withdrawn".
    expect(rows.map(({ state }) => state)).toEqual(["published", "unverifiable"]);
  });

  it("removes test reports after 30 days, and browser keys that no list names", async () => {
    exchange.clock.set(TEST_START);
    const { report } = await hotline.send({ test: true });
    await hotline.sealingKey(hotline.people.c);
    exchange.clock.advance(100 * DAY_MS);
    const removed = await enforceAll();
    expect(removed["test reports"]).toBe(1);
    expect(removed["public keys of analysts' browsers that are on no newest list"]).toBe(1);
    expect(await exchange.sql`select 1 from reports where id = ${report.id}`).toHaveLength(0);
    expect(await exchange.sql`select 1 from sealing_keys where kid = ${hotline.analystKeys.a.kid}`).toHaveLength(1);
  });

  it("leaves nothing of any report after its time, in any table of the slice", async () => {
    exchange.clock.set(TEST_START);
    await sendTelling("c5");
    await hotline.verify({ file: "c6", url: "https://last.example/" });
    await hotline.send({ url: "https://urgent.example/", urgency: "immediate_danger" });
    await exchange.runJobs();
    // Erased first, then, years later, removed.
    for (const days of [LISTED_KEEP_DAYS + 1, OUTCOME_KEEP_DAYS + 1]) {
      exchange.clock.advance(days * DAY_MS);
      await enforceAll();
    }
    const tables = [
      "reports",
      "cases",
      "report_hashes",
      "report_locations",
      "report_seals",
      "case_assessments",
      "case_entries",
      "case_steps",
      "case_forwards",
      "case_alerts",
    ];
    for (const table of tables) {
      const [row] = await exchange.sql<{ n: number }[]>`select count(*)::int as n from ${exchange.sql(table)}`;
      expect({ table, rows: row?.n }).toEqual({ table, rows: 0 });
    }
  });
});
