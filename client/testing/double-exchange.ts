/** The test double of an exchange: a real HTTP server over memory that speaks the contract, and can be told to be wrong. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Bytes, Digest } from "@breakwater/shared/bytes.ts";
import { parseSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, formatProblem } from "@breakwater/shared/problem.ts";
import { CHECKPOINT_CONTENT_TYPE, TILE_CONTENT_TYPE } from "@breakwater/shared/wire/log.ts";
import { OpinionsRequest } from "@breakwater/shared/wire/opinions.ts";
import { AckRequest, ENVELOPE_CONTENT_TYPE, SetRequest } from "@breakwater/shared/wire/sets.ts";
import { DoubleLog } from "./double-log.ts";
import { DoubleStore, type StoredRelease, type StoredSet } from "./double-store.ts";
import { type Answer, answerHostile, type Hostile, send } from "./hostile.ts";

export const TEST_API_KEY = "bw_00000000000000aa_testtesttesttesttesttesttesttesttesttesttes";

export type Double = {
  origin: string;
  store: DoubleStore;
  /** In force until emptied. */
  hostile: Hostile[];
  /** `GET /v1/…` of every request so far. */
  requests: string[];
  /** Called with the number of each request before it is answered. */
  onRequest?: (count: number) => void | Promise<void>;
  /** What the answers' `Date` says; undefined: the server's own clock. */
  date?: Date;
  close(): Promise<void>;
};

type Handler = (match: string[], body: Bytes, request: IncomingMessage, store: DoubleStore) => Promise<Answer> | Answer;
type Route = [method: string, path: RegExp, handler: Handler];

const NAME = "([^/]+)";
const NEVER_REACHED = new Set<Hostile["act"]>(["busy", "gone", "page", "purged"]);
const NOTHING: Answer = { status: 204, headers: {}, body: new Uint8Array() };

const ROUTES: Route[] = [
  [
    "GET",
    /^\/v1\/sets$/,
    (_m, _b, _r, store) => json({ sets: [...store.sets.values()].map((set) => store.describeSet(set)) }),
  ],
  ["GET", path(`/v1/sets/${NAME}/${NAME}`), (m, _b, _r, store) => json(store.describeSet(store.getSet(setIdOf(m))))],
  [
    "PUT",
    path(`/v1/sets/${NAME}/${NAME}`),
    (m, body, _r, store) => json(store.describeSet(store.putSet(setIdOf(m), SetRequest.parse(parse(body)))), 201),
  ],
  ["GET", path(`/v1/sets/${NAME}/${NAME}/head`), (m, _b, _r, store) => headOf(store.getSet(setIdOf(m)))],
  ["GET", path(`/v1/sets/${NAME}/${NAME}/recalls`), (m, _b, _r, store) => recallsOf(store.getSet(setIdOf(m)))],
  ["POST", path(`/v1/sets/${NAME}/${NAME}/recalls`), postRecall],
  [
    "GET",
    path(`/v1/sets/${NAME}/${NAME}/recalls/(\\d+)`),
    (m, _b, _r, store) =>
      envelope(store.getSet(setIdOf(m)).recalls.find(({ recall }) => recall.recall === Number(m[3]))?.bytes),
  ],
  [
    "GET",
    path(`/v1/sets/${NAME}/${NAME}/releases/(\\d+)`),
    (m, _b, _r, store) =>
      envelope(
        store.getSet(setIdOf(m)).releases.findLast(({ statement }) => statement.release === Number(m[3]))?.bytes,
      ),
  ],
  ["POST", path(`/v1/sets/${NAME}/${NAME}/releases`), postRelease],
  [
    "POST",
    path(`/v1/sets/${NAME}/${NAME}/acks`),
    (m, body, _r, store) => {
      store.getSet(setIdOf(m)).acks.push(AckRequest.parse(parse(body)));
      return { status: 204, headers: {}, body: new Uint8Array() };
    },
  ],
  ["POST", path(`/v1/sets/${NAME}/${NAME}/opinions`), postOpinions],
  ["GET", path(`/v1/publishers/${NAME}`), getPublisher],
  [
    "GET",
    path(`/v1/publishers/${NAME}/roots/(\\d+)`),
    (m, _b, _r, store) =>
      envelope(store.roots.get(m[1] as string)?.find(({ root }) => root.version === Number(m[2]))?.bytes),
  ],
  [
    "POST",
    path(`/v1/publishers/${NAME}/roots`),
    async (m, body, _r, store) => {
      const { root, logIndex } = await store.postRoot(m[1] as string, body);
      return json({ publisher: m[1], version: root.root.version, digest: root.digest, log_index: logIndex }, 201);
    },
  ],
  ["GET", path("/v1/blobs/sha256/([0-9a-f]{64})"), (m, _b, _r, store) => blob(store, m, true)],
  ["HEAD", path("/v1/blobs/sha256/([0-9a-f]{64})"), (m, _b, _r, store) => blob(store, m, false)],
  [
    "PUT",
    path("/v1/blobs/sha256/([0-9a-f]{64})"),
    async (m, body, _r, store) => {
      await store.putBlob(digestOfPath(m), body);
      return json({ digest: digestOfPath(m), size: body.length }, 201);
    },
  ],
];

/** Asked without a key. */
const OPEN_ROUTES: Route[] = [
  [
    "GET",
    /^\/\.well-known\/breakwater\.json$/,
    (_m, _b, request, store) => json({ log: store.log.info(`http://${request.headers.host}`) }),
  ],
  ["GET", /^\/log\/checkpoint$/, (_m, _b, request, store) => checkpoint(store, request)],
  [
    "GET",
    /^\/log\/(tile\/.*)$/,
    (m, _b, _r, store) => ({
      status: 200,
      headers: { "content-type": TILE_CONTENT_TYPE },
      body: store.log.readBundle(m[1] as string),
    }),
  ],
];

export async function openDouble(): Promise<Double> {
  const store = new DoubleStore(await DoubleLog.open());
  const double: Double = { origin: "", store, hostile: [], requests: [], close: () => closeServer(server) };
  const server = createServer((request, response) => {
    handle(double, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  double.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return double;
}

async function handle(double: Double, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", double.origin);
  double.requests.push(`${request.method} ${pathname}`);
  await double.onRequest?.(double.requests.length);
  const body = await readAll(request);
  if (double.date !== undefined) response.setHeader("date", double.date.toUTCString());
  const hostile = double.hostile.find((one) => one.path.test(pathname) && (one.times ?? 1) > 0);
  if (hostile?.times !== undefined) hostile.times--;
  // What is busy or gone does nothing; the others act, and then answer wrongly.
  const acts = hostile === undefined || !NEVER_REACHED.has(hostile.act);
  const answer = acts ? await route(double.store, request, pathname, body) : NOTHING;
  if (hostile === undefined) return send(response, answer);
  return answerHostile(hostile, answer, response);
}

async function route(store: DoubleStore, request: IncomingMessage, pathname: string, body: Bytes): Promise<Answer> {
  try {
    const isOpen = OPEN_ROUTES.some(([, pattern]) => pattern.test(pathname));
    // A key that reached the log's host would be in somebody else's hands.
    if (isOpen && request.headers.authorization !== undefined) throw new ExchangeError("forbidden");
    if (!isOpen && request.headers.authorization !== `Bearer ${TEST_API_KEY}`) {
      throw new ExchangeError("api_key_invalid");
    }
    for (const [method, pattern, handler] of isOpen ? OPEN_ROUTES : ROUTES) {
      const match = method === request.method ? pattern.exec(pathname) : null;
      if (match !== null) return await handler([...match], body, request, store);
    }
    throw new ExchangeError("not_found");
  } catch (error) {
    const refusal = error instanceof ExchangeError ? error : new ExchangeError("request_invalid", {}, { cause: error });
    return json(formatProblem(refusal), refusal.status, "application/problem+json");
  }
}

async function postRelease(m: string[], body: Bytes, request: IncomingMessage, store: DoubleStore): Promise<Answer> {
  const isEnvelope = request.headers["content-type"] === ENVELOPE_CONTENT_TYPE;
  const release = isEnvelope ? await store.postRelease(setIdOf(m), body) : await store.signAndPost(setIdOf(m), body);
  return json(releaseAnswer(release), 201);
}

function releaseAnswer({ statement, digest, manifest, logIndex }: StoredRelease): object {
  const { publisher, set, release } = statement;
  return { publisher, set, release, digest, log_index: logIndex, entries: manifest.entries };
}

function getPublisher(m: string[], _body: Bytes, _request: IncomingMessage, store: DoubleStore): Answer {
  const publisher = m[1] as string;
  const root = store.roots.get(publisher)?.at(-1);
  const held = store.held.get(publisher);
  return json({
    publisher,
    name: publisher,
    custody: held === undefined ? "member" : "exchange",
    root_version: root?.root.version ?? 0,
    root_digest: root?.digest ?? null,
    ...(held === undefined ? {} : { release_key: held.publicJwk }),
  });
}

async function postRecall(m: string[], body: Bytes, _request: IncomingMessage, store: DoubleStore): Promise<Answer> {
  const { recall, digest, logIndex } = await store.postRecall(setIdOf(m), body);
  const ends = new Date(recall.exp * 1000).toISOString();
  const { publisher, set } = recall;
  return json({ publisher, set, recall: recall.recall, digest, log_index: logIndex, ends_at: ends }, 201);
}

function newestOf({ recalls, announced }: StoredSet): number {
  return announced ?? recalls.at(-1)?.recall.recall ?? 0;
}

function headOf(set: StoredSet): Answer {
  const answer = envelope(set.releases.at(-1)?.bytes);
  return { ...answer, headers: { ...answer.headers, "breakwater-recall": String(newestOf(set)) } };
}

function recallsOf(set: StoredSet): Answer {
  const recalls = set.recalls.map(({ recall, digest, logIndex, bytes }) => ({
    recall: recall.recall,
    digest,
    log_index: logIndex,
    envelope: new TextDecoder().decode(bytes),
  }));
  return json({ recall: newestOf(set), recalls });
}

/** The same batch twice is one batch. */
function postOpinions(m: string[], body: Bytes, _request: IncomingMessage, store: DoubleStore): Answer {
  const { opinions } = store.getSet(setIdOf(m));
  const batch = OpinionsRequest.parse(parse(body));
  opinions.set(batch.batch_id, batch.items);
  return json({ accepted: batch.items.length, ignored: [] });
}

async function checkpoint(store: DoubleStore, request: IncomingMessage): Promise<Answer> {
  const { note, etag } = await store.log.readCheckpoint();
  const headers = { "content-type": CHECKPOINT_CONTENT_TYPE, etag: `"${etag}"` };
  if (request.headers["if-none-match"] === headers.etag) return { status: 304, headers, body: new Uint8Array() };
  return { status: 200, headers, body: note };
}

function blob(store: DoubleStore, m: string[], withBody: boolean): Answer {
  const bytes = store.blobs.get(digestOfPath(m));
  if (bytes === undefined) throw new ExchangeError("not_found");
  return {
    status: 200,
    headers: { "content-type": "application/octet-stream" },
    body: withBody ? bytes : new Uint8Array(),
  };
}

function envelope(bytes: Uint8Array | undefined): Answer {
  if (bytes === undefined) throw new ExchangeError("not_found");
  return { status: 200, headers: { "content-type": ENVELOPE_CONTENT_TYPE }, body: bytes };
}

function json(value: unknown, status = 200, type = "application/json"): Answer {
  return { status, headers: { "content-type": type }, body: Buffer.from(JSON.stringify(value)) };
}

function path(text: string): RegExp {
  return new RegExp(`^${text}$`);
}

function setIdOf(m: string[]) {
  return parseSetId({ publisher: m[1], set: m[2] });
}

function digestOfPath(m: string[]): Digest {
  return `sha256:${m[1]}`;
}

function parse(body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(body));
}

async function readAll(request: IncomingMessage): Promise<Bytes> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Uint8Array.from(Buffer.concat(chunks));
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
