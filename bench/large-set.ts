// A set of any size at a running exchange, published by the demo's hotline through the front door: synthetic digests, packed as they are made.
import type { Exchange } from "@breakwater/client/http/index.ts";
import { openExchange } from "@breakwater/client/http/index.ts";
import { parseAbout } from "@breakwater/shared/about.ts";
import { hexOf } from "@breakwater/shared/bytes.ts";
import { type ComposedRelease, composeRelease } from "@breakwater/shared/compose.ts";
import { formatEntry, parseEntry } from "@breakwater/shared/entries/index.ts";
import { parseSetId, randomBytes, type SetId } from "@breakwater/shared/ids.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import type { Demo } from "./demo.ts";

const PUBLISHER = "hotline.example";
const UPLOADS_AT_ONCE = 4;
const ADMISSION_POLL_MS = 250;
const ID_BYTES = 16;
const PLACE_BITS = 64n;

const ABOUT = {
  ...{ kind: "hash", stream: "test", title: "Synthetic digests", description: "Numbers, hashed." },
  ...{ purpose: "To measure.", basis: "Synthetic data: nothing here concerns a person.", severity: "None." },
  ...{ tlp: "GREEN", contact: "desk@hotline.example", surfaces: ["uploads"], algs: ["sha256"] },
  ...{ retention_days: 365, act_stale_days: 7, keep_stale_days: 90, consent_based: false, person_linked: false },
};

export type Publishing = Pick<Demo, "url" | "profiles">;
export type LargeSet = {
  setId: SetId;
  composed: ComposedRelease;
  /** From composing to the visible head, and the part of it that the exchange took to admit. */
  seconds: number;
  admissionSeconds: number;
};

/** Opens the set and publishes its release 1 with `size` entries. */
export async function publishLargeSet(demo: Publishing, name: string, size: number): Promise<LargeSet> {
  const startedMs = performance.now();
  const sent = await sendLargeSet(demo, name, size);
  const sentMs = performance.now();
  await sent.admit();
  const endedMs = performance.now();
  const { setId, composed } = sent;
  const admissionSeconds = (endedMs - sentMs) / 1_000;
  return { setId, composed, seconds: (endedMs - startedMs) / 1_000, admissionSeconds };
}

export type SentSet = Pick<LargeSet, "setId" | "composed"> & {
  exchange: Exchange;
  /** Posts the release, and again if asked again; resolves when it is the head. */
  admit: () => Promise<void>;
};

/** Opens the set and sends everything but the release itself. */
export async function sendLargeSet({ url, profiles }: Publishing, name: string, size: number): Promise<SentSet> {
  const exchange = openExchange({ origin: url, apiKey: profiles.hotline.apiKey });
  const setId = parseSetId(`${PUBLISHER}/${name}`);
  await exchange.putSet(setId, { kind: "hash", stream: "test", audience: { tier: "test" } });
  const composed = await composeRelease({
    entries: { count: size, lines: () => largeLines(size) },
    changes: [],
    about: parseAbout(ABOUT),
    publisher: setId.publisher,
    set: setId.set,
    rootVersion: 1,
    now: Math.floor(Date.now() / 1000),
    random: randomBytes,
  });
  await upload(exchange, composed);
  return { setId, composed, exchange, admit: () => admit(exchange, setId, composed) };
}

/** Sends a further release of the set and sees it admitted. */
export async function publishComposed(
  { url, profiles }: Publishing,
  setId: SetId,
  composed: ComposedRelease,
): Promise<void> {
  const exchange = openExchange({ origin: url, apiKey: profiles.hotline.apiKey });
  await upload(exchange, composed);
  await admit(exchange, setId, composed);
}

/** Lines of as many entries, rising by id; each a whole entry as its publisher would write it. */
export function* largeLines(size: number): Generator<string> {
  const example = parseEntry("hash", formatEntry(exampleEntry("00".repeat(ID_BYTES), "0".repeat(64)) as never));
  const line = formatEntry(example);
  const [beforeId, afterId] = split(line, `"id":"`, ID_BYTES * 2);
  for (let at = 0; at < size; at++) {
    const id = largeId(at, size);
    const [beforeValue, afterValue] = split(afterId, `"value":"`, 64);
    yield `${beforeId}${id}${beforeValue}${hexOf(randomBytes(32))}${afterValue}`;
  }
}

/** Even over the whole range of ids, random where it does not matter. */
function largeId(at: number, size: number): string {
  const place = (BigInt(at) << PLACE_BITS) / BigInt(size);
  return place.toString(16).padStart(ID_BYTES, "0") + hexOf(randomBytes(ID_BYTES / 2));
}

function split(line: string, member: string, chars: number): [string, string] {
  const at = line.indexOf(member) + member.length;
  return [line.slice(0, at), line.slice(at + chars)];
}

function exampleEntry(id: string, value: string): object {
  return JSON.parse(
    jcs({
      ...{ id, alg: "sha256", value, act: "not_assessed", age: "not_assessed", category: "synthetic_test" },
      ...{ human_review: "not_required", media: "image", origin: "synthetic", production: "drawn_or_cgi" },
      ...{ report_duty: "do_not_report", requested_action: "review", source_fidelity: "original_bytes" },
      verification: { level: "two_reviewed", on: "2026-11-02", people: 2 },
    }),
  );
}

async function upload(exchange: Exchange, { blobs }: ComposedRelease): Promise<void> {
  let next = 0;
  const sender = async () => {
    for (let blob = blobs[next++]; blob !== undefined; blob = blobs[next++]) {
      await exchange.putBlob(blob.digest, blob.bytes);
    }
  };
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, sender));
}

async function admit(exchange: Exchange, setId: SetId, { statement, statementBytes }: ComposedRelease): Promise<void> {
  if ((await exchange.postRelease(setId, statementBytes, "exchange")) !== undefined) return;
  for (;;) {
    const { state, code } = await exchange.getAdmission(setId, statement.release);
    if (state === "done") return;
    if (state === "failed") throw new Error(`the release was refused: ${code}`);
    await new Promise((resolve) => setTimeout(resolve, ADMISSION_POLL_MS));
  }
}
