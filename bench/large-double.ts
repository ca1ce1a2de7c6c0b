// A set of any size behind the test double of an exchange, in a process of its own: real roots, log, manifest and segments
// over real HTTP without a database, for figures that are about the subscriber alone.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Pin } from "@breakwater/client/profile/pins.ts";
import { openDouble, TEST_API_KEY } from "@breakwater/client/testing/double-exchange.ts";
import { makeDoublePublisher } from "@breakwater/client/testing/double-publisher.ts";
import { TEST_ABOUT } from "@breakwater/client/testing/entries.ts";
import type { Digest } from "@breakwater/shared/bytes.ts";
import { composeRelease } from "@breakwater/shared/compose.ts";
import { randomBytes, type SetId } from "@breakwater/shared/ids.ts";
import { openRelease, signRelease } from "@breakwater/shared/release.ts";
import { largeLines } from "./large-set.ts";

export type LargeDouble = { exchange: string; apiKey: string; setId: SetId; pin: Pin; entries: number; state: Digest };

/** Serves a set of `size` entries while the work goes on. */
export async function withLargeDouble<T>(size: number, work: (double: LargeDouble) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), String(size)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = (await Promise.race([
    once(child.stdout.setEncoding("utf8"), "data"),
    once(child, "close").then(() => Promise.reject(new Error("the double did not start"))),
  ])) as [string];
  const closed = once(child, "close");
  try {
    return await work(JSON.parse(line) as LargeDouble);
  } finally {
    child.stdin.end();
    await closed;
  }
}

async function serve(size: number): Promise<void> {
  const double = await openDouble();
  const { setId, pin, root, releaseKey } = await makeDoublePublisher(double);
  const composed = await composeRelease({
    entries: { count: size, lines: () => largeLines(size) },
    changes: [],
    about: TEST_ABOUT,
    publisher: setId.publisher,
    set: setId.set,
    rootVersion: 1,
    now: Math.floor(Date.now() / 1000),
    random: randomBytes,
  });
  for (const { digest, bytes } of composed.blobs) double.store.blobs.set(digest, bytes);
  const release = await openRelease(await signRelease(composed.statement, [releaseKey]), root);
  double.store.append(double.store.getSet(setId), { ...release, manifest: composed.manifest });
  const { state } = composed.manifest.snapshot;
  const about: LargeDouble = { exchange: double.origin, apiKey: TEST_API_KEY, setId, pin, entries: size, state };
  console.log(JSON.stringify(about));
  await once(process.stdin.resume(), "end");
  await double.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(Number(process.argv[2]));
