/** A hotline for tests: keys, analysts, a set, flaggers with a device; reports made as the extension makes them. */

import type { AssessedHash, Assessment } from "@breakwater/shared/assessment.ts";
import { newUuidV7 } from "@breakwater/shared/ids.ts";
import { generateSealingKey, generateSigningKey } from "@breakwater/shared/keys.ts";
import { openReceipt, type Receipt } from "@breakwater/shared/receipt.ts";
import { type RecipientList, signRecipients } from "@breakwater/shared/recipients.ts";
import { type Report, type ReportItem, signReport } from "@breakwater/shared/report.ts";
import { digestUrl, parseReportedUrl } from "@breakwater/shared/reported-url.ts";
import { type SealedContent, sealFor } from "@breakwater/shared/sealed.ts";
import type { Case } from "@breakwater/shared/wire/hotline.ts";
import type { PublicationAnswer } from "@breakwater/shared/wire/publication.ts";
import type { TestDevice, TestPerson } from "./actors.ts";
import { openTestPublisher, testAbout } from "./publisher.ts";
import type { TestExchange, TestRequest } from "./test-exchange.ts";

export type TestHotline = Awaited<ReturnType<typeof openTestHotline>>;
export type ReportWish = Partial<Omit<Report, "locations" | "sealed" | "sealed_digest">> & {
  url?: string;
  /** exact hash of the picture, as one repeated hex digit or two */
  file?: string;
  content?: Partial<SealedContent>;
  from?: TestDevice;
};

/** A made-up SHA-256: the same seed is the same file. */
export const fileHash = (seed: string): string => seed.repeat(Math.ceil(64 / seed.length)).slice(0, 64);

export function itemOf(seed: string, change: Partial<ReportItem> = {}): ReportItem {
  return {
    item_id: crypto.randomUUID(),
    media_type: "image",
    width: 640,
    height: 480,
    hashes: [{ alg: "sha256", value: fileHash(seed) }],
    acquisition: { method: "page_cache_read", source_fidelity: "original_bytes" },
    location_ref: 0,
    ...change,
  };
}

export async function openTestHotline(exchange: TestExchange, { named = true }: { named?: boolean } = {}) {
  const publisher = await openTestPublisher(exchange, { roles: ["publisher", "hotline"], custody: "exchange" });
  const { member } = publisher;
  const set = await publisher.openSet("verified");
  const about = testAbout("hash", {
    algs: ["md5", "sha1", "sha256", "pdq"],
    act_distance: 16,
    review_distance: 31,
    quality_floor: 50,
  });
  await set.publish([], { about });
  const agent = {
    signing: await generateSigningKey({ extractable: false }),
    sealing: await generateSealingKey({ extractable: false }),
  };
  const urlKey = crypto.getRandomValues(new Uint8Array(32));
  const [a, b, c] = [
    await exchange.person(member.name, ["analyst"]),
    await exchange.person(member.name, ["analyst", "publisher", "administrator"]),
    await exchange.person(member.name, ["analyst"]),
  ];
  const flaggers = await exchange.member({ roles: ["flagger"], hotline: member.name });

  async function ask<T>(path: string, init: TestRequest): Promise<T> {
    const response = await exchange.request(path, init);
    if (!response.ok) throw new Error(`${init.method ?? "POST"} ${path}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  let version = 0;
  /** Signs and posts the next list: the agent and these people's keys. */
  async function list(analysts: RecipientList["recipients"] = [], change: Partial<RecipientList> = {}) {
    const recipients: RecipientList["recipients"] = [
      { kid: agent.sealing.kid, jwk: agent.sealing.publicJwk, role: "agent" },
      ...analysts,
    ];
    const payload = {
      hotline: member.name,
      version: version + 1,
      iat: Math.floor(exchange.clock.now().getTime() / 1000),
      signing_key: agent.signing.publicJwk,
      recipients,
      ...change,
    };
    const bytes = await signRecipients(payload, agent.signing);
    const response = await exchange.request("/v1/hotline/recipients", {
      key: member.key,
      method: "PUT",
      headers: { "content-type": "application/jose+json" },
      body: bytes,
    });
    if (response.ok) version = payload.version;
    return { response, recipients, bytes };
  }

  /** A key made in the person's browser, told to the exchange. */
  async function sealingKey(person: TestPerson) {
    const key = await generateSealingKey({ extractable: false });
    await ask("/v1/hotline/sealing-keys", { cookie: person.cookie, json: { sealing_key: key.publicJwk } });
    return { ...key, recipient: { kid: key.kid, jwk: key.publicJwk, role: "analyst" as const, person: person.id } };
  }

  async function registerAgent() {
    const json = { signing_key: agent.signing.publicJwk, sealing_key: agent.sealing.publicJwk };
    await ask("/v1/hotline/agent", { key: member.key, method: "PUT", json });
  }

  let recipients: RecipientList["recipients"] = [
    { kid: agent.sealing.kid, jwk: agent.sealing.publicJwk, role: "agent" },
  ];
  const analystKeys = named ? { a: undefined as never, b: undefined as never } : undefined;
  if (named) {
    await registerAgent();
    const [keyA, keyB] = [await sealingKey(a), await sealingKey(b)];
    Object.assign(analystKeys as object, { a: keyA, b: keyB });
    recipients = (await list([keyA.recipient, keyB.recipient])).recipients;
  }
  const device = await exchange.device(flaggers.name);

  /** A report as the extension would send it. */
  async function makeReport(wish: ReportWish = {}): Promise<{ report: Report; bytes: Uint8Array<ArrayBuffer> }> {
    const { url = "https://forum.example/t/1042", file, content, from = device, ...change } = wish;
    const now = exchange.clock.now();
    const address = parseReportedUrl(url);
    const sealed = await sealFor(recipients, {
      locations: [{ url: address.url, url_canonical: address.url_canonical }],
      ...content,
    });
    const report = {
      schema: "report/1",
      id: newUuidV7(now.getTime()),
      created_at: now.toISOString(),
      client: { name: "extension", version: "0.1.0", browser_family: "Chromium", os_family: "Linux" },
      reporter: {
        member: from === device ? flaggers.name : from.answer.member,
        device_id: from.id,
        role: "flagger",
      },
      test: false,
      report_kind: "csam",
      urgency: "standard",
      good_faith: { accepted: true, version: "1" },
      jurisdiction: { observer_country: "IE" },
      language: "en",
      sharing: "hotline_only",
      locations: [{ role: "page", domain: address.domain, url_digest: await digestUrl(urlKey, address.url_canonical) }],
      items: file === undefined ? [] : [itemOf(file)],
      ...sealed,
      ...change,
    } as Report;
    return { report, bytes: await signReport(report, from.key) };
  }

  async function post(bytes: Uint8Array, headers: Record<string, string> = { "content-type": "application/json" }) {
    return exchange.request("/v1/reports", { method: "POST", headers, body: bytes });
  }

  /** Makes, sends, checks the receipt. */
  async function send(
    wish: ReportWish = {},
  ): Promise<{ report: Report; receipt: Receipt; status: number; bytes: Uint8Array }> {
    const { report, bytes } = await makeReport(wish);
    const response = await post(bytes);
    if (!response.ok) throw new Error(`report: ${response.status} ${await response.text()}`);
    const { receipt: keys } = await exchange.signer.publicKeys();
    const { thumbprint } = await import("@breakwater/shared/keys.ts");
    const table = new Map(await Promise.all(keys.map(async (key) => [await thumbprint(key), key] as const)));
    const receipt = await openReceipt(new Uint8Array(await response.arrayBuffer()), table, {
      bytes,
      reportId: report.id,
    });
    return { report, receipt, status: response.status, bytes };
  }

  const caseNumberOf = async (reportId: string): Promise<number> => {
    const [row] = await exchange.sql<{ number: number }[]>`
      select c.number from reports r join cases c on c.id = r.case_id where r.id = ${reportId}`;
    if (row === undefined) throw new Error("report has no case");
    return row.number;
  };

  const getCase = (person: TestPerson, number: number) =>
    ask<Case>(`/v1/hotline/cases/${number}`, { cookie: person.cookie, method: "GET" });

  function finding(hashes: AssessedHash[], change: Partial<Assessment> = {}): Assessment {
    return {
      verdict: "illegal",
      act: "other_indecent",
      age: "11_13",
      production: "photographic",
      flags: [],
      hashes,
      ...change,
    };
  }

  /** Hashes of these items as somebody at the source computes them: the same as reported, or of another file. */
  function hashesAtSource(items: readonly ReportItem[], file?: string): AssessedHash[] {
    return items.flatMap(({ item_id, hashes }) =>
      hashes.flatMap(({ alg, value, quality }) =>
        alg === "sha256" || alg === "pdq"
          ? [
              {
                item_id,
                alg,
                value: file === undefined ? value : fileHash(file),
                ...(quality === undefined ? {} : { quality }),
                source: "original_bytes" as const,
              },
            ]
          : [],
      ),
    );
  }

  const assess = (person: TestPerson, number: number, assessment: unknown) =>
    exchange.request(`/v1/hotline/cases/${number}/assessments`, { cookie: person.cookie, json: assessment });

  /** A report, assessed alike by two people: a verified case. */
  async function verify(wish: ReportWish & { file: string }, change: Partial<Assessment> = {}) {
    const sent = await send(wish);
    const number = await caseNumberOf(sent.report.id);
    for (const person of [a, b]) {
      const response = await assess(person, number, finding(hashesAtSource(sent.report.items), change));
      if (!response.ok) throw new Error(`assess: ${response.status} ${await response.text()}`);
    }
    return { ...sent, number };
  }

  async function publish(cases: number[], change: Record<string, unknown> = {}): Promise<PublicationAnswer> {
    const preview = await ask<{ release: number }>("/v1/hotline/publications/preview", {
      cookie: b.cookie,
      json: { set: "verified", cases },
    });
    const json = { set: "verified", cases, expected_release: preview.release, ...change };
    return ask<PublicationAnswer>("/v1/hotline/publications", { cookie: b.cookie, json });
  }

  return {
    publisher,
    member,
    set,
    about,
    agent,
    urlKey,
    people: { a, b, c },
    analystKeys: analystKeys as {
      a: Awaited<ReturnType<typeof sealingKey>>;
      b: Awaited<ReturnType<typeof sealingKey>>;
    },
    flaggers,
    device,
    ask,
    list,
    sealingKey,
    registerAgent,
    makeReport,
    post,
    send,
    caseNumberOf,
    getCase,
    finding,
    hashesAtSource,
    assess,
    verify,
    publish,
  };
}
