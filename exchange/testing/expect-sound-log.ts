/** {@link verifySoundLog} for an exchange under test: objects and rows as they are now. */
import { expect } from "vitest";
import type { Sql } from "../platform/db.ts";
import type { LogSigner } from "../platform/log-signer.ts";
import type { MemoryObjects } from "../platform/memory-objects.ts";
import { verifySoundLog } from "./sound-log.ts";
import { TEST_LOG_ORIGIN } from "./test-exchange.ts";

type Exchange = { objects: MemoryObjects; sql: Sql; logSigner: LogSigner };

/** @returns how many leaves the checkpoint covers, and how many rows there are */
export async function expectSoundLog(x: Exchange): Promise<{ published: number | undefined; rows: number }> {
  const rows = await x.sql<{ envelope: Uint8Array }[]>`select envelope from log_leaves order by log_index`;
  const leaves = rows.map(({ envelope }) => new Uint8Array(envelope));
  const [head] = await x.sql<{ size: string }[]>`select size from log_head`;
  expect(Number(head?.size)).toBe(leaves.length);
  const published = await verifySoundLog({
    read: (path) => x.objects.bytes(`log/${path}`),
    leaves,
    origin: TEST_LOG_ORIGIN,
    vkey: await x.logSigner.vkey(TEST_LOG_ORIGIN),
    paths: x.objects.keys().flatMap((key) => (key.startsWith("log/") ? [key.slice("log/".length)] : [])),
  });
  return { published, rows: leaves.length };
}
