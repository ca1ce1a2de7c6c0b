/** Any sequence of statements, publications, faults, crashes and restores: the log is sound after every step. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LOG_KILL_POINTS } from "../platform/kill-points.ts";
import {
  appendTestLeaves,
  expectSoundLog,
  Killed,
  openTestExchange,
  TEST_LOG_ORIGIN,
  type TestExchange,
} from "../testing/index.ts";
import { LEASE_MS, publishLog } from "./publication.ts";

const RUNS = 12;
const STEPS_MAX = 14;
const PREFIXES = ["log/tile/entries/", "log/tile/0/", "log/tile/1/", "log/checkpoint", "log/"];

type Step =
  | { kind: "append"; count: number }
  | { kind: "publish" }
  | { kind: "twice" }
  | { kind: "fault"; prefix: string; written: boolean }
  | { kind: "kill"; point: (typeof LOG_KILL_POINTS)[number] }
  | { kind: "dead" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 1, max: 200 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("publish" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("twice" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fault" as const),
      prefix: fc.constantFrom(...PREFIXES),
      written: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("kill" as const), point: fc.constantFrom(...LOG_KILL_POINTS) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("dead" as const) }) },
);

/** What a publication may end with when something was broken for it: never a conflict, which nothing here makes. */
async function publish(x: TestExchange): Promise<void> {
  await x.withDeps(publishLog).catch((error: unknown) => {
    if (!(error instanceof Killed)) expect(error).toMatchObject({ code: "busy" });
  });
}

async function run(x: TestExchange, each: Step): Promise<void> {
  if (each.kind === "append") return x.withDeps((deps) => appendTestLeaves(deps, each.count));
  if (each.kind === "fault") {
    x.objects.breakNextPut(each.written ? "failed_but_written" : "failed_and_not_written", each.prefix);
  } else if (each.kind === "kill") {
    x.killAt(each.point);
  } else if (each.kind === "dead") {
    const until = new Date(x.clock.now().getTime() + LEASE_MS);
    await x.sql`update log_publication set lease_token = 'dead', lease_until = ${until}`;
  }
  await Promise.all(each.kind === "twice" ? [publish(x), publish(x)] : [publish(x)]);
  x.killAt(undefined);
}

describe("the log after any sequence of steps", () => {
  it("is sound at each, never smaller than it was, and whole at the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: STEPS_MAX }), async (steps) => {
        const x = await openTestExchange();
        try {
          let last = 0;
          for (const each of steps) {
            await run(x, each);
            const { published = 0 } = await expectSoundLog(x);
            const signed = (await x.logSigner.head(TEST_LOG_ORIGIN))?.size ?? 0;
            expect(published).toBeGreaterThanOrEqual(last);
            expect(signed).toBeGreaterThanOrEqual(published);
            last = published;
          }
          x.clock.advance(LEASE_MS);
          // A fault that met nothing to break waits for the next write.
          await publish(x);
          await publish(x);
          const { published, rows } = await expectSoundLog(x);
          expect(published).toBe(rows);
        } finally {
          await x.close();
        }
      }),
      { numRuns: RUNS },
    );
  });
});
