// How long a subscriber takes to read a log on: entries fetched over HTTP, hashed into the tree, judged, and the state saved.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openExchange, readLogState, tailLog } from "@breakwater/client/index.ts";
import { digestOf } from "@breakwater/shared/bytes.ts";
import { parsePublisher, parseSetName } from "@breakwater/shared/ids.ts";
import { generateSigningKey, type NewSigningKey } from "@breakwater/shared/keys.ts";
import {
  appendLeaves,
  EMPTY_FRONTIER,
  encodeBundle,
  formatVkey,
  leafHash,
  parseTilePath,
  rootOf,
  signCheckpoint,
  TILE_WIDTH,
  vkeyOf,
} from "@breakwater/shared/log/index.ts";
import { type ReleaseStatement, signRelease, statementBytes } from "@breakwater/shared/release.ts";
import { openRoot, Root, signRoot } from "@breakwater/shared/root.ts";
import { type Bench, type Measured, peakMb, timed } from "./bench.ts";

const DEFAULT_SIZE = 10_000;
const GOAL_SECONDS_PER_LEAF = 2 / 10_000;
const ORIGIN = "exchange.example/log1";
/** As an exchange of some size has them; every one is followed, which is the most work there can be. */
const PUBLISHERS = 10;
const SETS = 5;
const MONTH_SECONDS = 30 * 24 * 60 * 60;

type Publisher = { name: string; pin: { version: number; digest: `sha256:${string}` } };
type Made = { leaves: Uint8Array[]; publishers: Publisher[] };

export const tail: Bench = {
  goal: "10,000 leaves in 2 seconds of one core, every publisher followed",
  async run({ size = DEFAULT_SIZE, say }): Promise<Measured> {
    const stateDir = mkdtempSync(join(tmpdir(), "breakwater-bench-"));
    const made = await makeLeaves(size);
    const log = await serveLog(made.leaves);
    try {
      say(`${made.leaves.length} leaves of ${PUBLISHERS} publishers are served.`);
      // What cannot be avoided: each leaf hashed once, and the tree over them.
      const baselineSeconds = await coreTimed(async () => appendLeaves(EMPTY_FRONTIER, made.leaves.map(leafHash)));
      const source = openExchange({ origin: log.url });
      const pins = Object.fromEntries(made.publishers.map(({ name, pin }) => [name, pin]));
      const tailing = () => tailLog({ source, stateDir, pins: pins as never, now: new Date() });
      let seconds = 0;
      const wallSeconds = await timed(async () => {
        seconds = await coreTimed(tailing);
      });
      say(`${wallSeconds.toFixed(2)} s by the clock on the wall, with whatever else this machine does.`);
      const state = await readLogState(stateDir, log.url);
      const sets = Object.values(state?.publishers ?? {}).flatMap((publisher) => Object.values(publisher.sets));
      const releases = sets.reduce((total, { head }) => total + (head?.release ?? 0), 0);
      const correct = state?.size === made.leaves.length && releases === made.leaves.length - PUBLISHERS;
      const met = correct && seconds <= GOAL_SECONDS_PER_LEAF * made.leaves.length;
      const baseline = "hashing the same leaves into the tree, and nothing else";
      const ratio = seconds / baselineSeconds;
      return { bench: "tail", size, seconds, baseline, baselineSeconds, ratio, peakMb: peakMb(), correct, met };
    } finally {
      await log.close();
      rmSync(stateDir, { recursive: true, force: true });
    }
  },
};

/** Seconds of one core, the log's server in this process included: what else runs here does not count. */
async function coreTimed(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function makeLeaves(size: number): Promise<Made> {
  const leaves: Uint8Array[] = [];
  const publishers: Publisher[] = [];
  const iat = Math.floor(Date.now() / 1000) - 3600;
  const speakers: { name: string; key: NewSigningKey; heads: (ReleaseStatement | undefined)[] }[] = [];
  for (let n = 0; n < PUBLISHERS; n++) {
    const name = `hotline${n}.example`;
    const { bytes, key } = await makeRoot(name, iat);
    leaves.push(bytes);
    const root = await openRoot(bytes);
    publishers.push({ name, pin: { version: 1, digest: root.digest } });
    speakers.push({ name, key, heads: new Array(SETS) });
  }
  for (let at = 0; leaves.length < size; at++) {
    const speaker = speakers[at % PUBLISHERS] as (typeof speakers)[number];
    const set = Math.floor(at / PUBLISHERS) % SETS;
    const statement = await nextStatement(speaker.name, set, speaker.heads[set], iat);
    speaker.heads[set] = statement;
    leaves.push(await signRelease(statement, [speaker.key]));
  }
  return { leaves, publishers };
}

async function makeRoot(publisher: string, iat: number): Promise<{ bytes: Uint8Array; key: NewSigningKey }> {
  const [rootKey, key] = [
    await generateSigningKey({ extractable: true }),
    await generateSigningKey({ extractable: true }),
  ];
  const root = Root.parse({
    exp: iat + MONTH_SECONDS,
    iat,
    keys: { [rootKey.kid]: rootKey.publicJwk, [key.kid]: key.publicJwk },
    logs: [ORIGIN],
    prev: null,
    publisher,
    roles: { release: { kids: [key.kid], threshold: 1 }, root: { kids: [rootKey.kid], threshold: 1 } },
    version: 1,
  });
  return { bytes: await signRoot(root, [rootKey]), key };
}

async function nextStatement(
  publisher: string,
  set: number,
  before: ReleaseStatement | undefined,
  iat: number,
): Promise<ReleaseStatement> {
  return {
    exp: iat + MONTH_SECONDS,
    iat,
    manifest: `sha256:${"1".repeat(64)}`,
    manifest_size: 12_950,
    prev: before === undefined ? null : await digestOf(statementBytes(before)),
    publisher: parsePublisher(publisher),
    release: (before?.release ?? 0) + 1,
    root: 1,
    set: parseSetName(`set-${set}`),
  };
}

async function serveLog(leaves: readonly Uint8Array[]): Promise<{ url: string; close(): Promise<void> }> {
  const { publicJwk, privateKey } = await generateSigningKey({ extractable: true });
  const vkey = vkeyOf(ORIGIN, publicJwk);
  const root = rootOf(appendLeaves(EMPTY_FRONTIER, leaves.map(leafHash)));
  const note = await signCheckpoint({ origin: ORIGIN, size: leaves.length, root }, [{ vkey, privateKey }]);
  const server = createServer((request, response) => {
    const path = (request.url ?? "").slice("/log/".length);
    const tile = parseTilePath(path);
    if (request.url === "/.well-known/breakwater.json") {
      response.end(JSON.stringify({ log: { url: `${url}/log`, origin: ORIGIN, vkey: formatVkey(vkey) } }));
    } else if (path === "checkpoint") response.end(note);
    else if (tile?.level === "entries") {
      const from = tile.index * TILE_WIDTH;
      response.end(encodeBundle(leaves.slice(from, from + tile.width)));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
