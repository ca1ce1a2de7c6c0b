import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "@breakwater/shared/bytes.ts";
import { parseSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, PROBLEMS, type ProblemCode } from "@breakwater/shared/problem.ts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findPending, openPendingDraft, type Pending } from "./pending.ts";
import { sendPending } from "./send.ts";

const setId = parseSetId("ngo.example/verified");
let stateDir: string;
let pending: Pending;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "breakwater-send-"));
  const body = new TextEncoder().encode("{}");
  const draft = await openPendingDraft(stateDir, setId);
  pending = await draft.finish({
    ...{ release: 1, digest: await digestOf(body), signed_by: "member", body, entries: 1 },
    ...{ change: { added: 1, changed: 0, removed: 0 }, composed_at: "2026-11-22T00:00:00Z" },
  });
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

function sendTo(code: ProblemCode): Promise<unknown> {
  const never = () => Promise.reject(new Error("not asked for here"));
  const postRelease = () => Promise.reject(new ExchangeError(code));
  const exchange = { hasBlob: never, putBlob: never, getAdmission: never, postRelease };
  return sendPending({ exchange, stateDir, setId }, pending, {});
}

const serverFaults = (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => new ExchangeError(code).status >= 500);

it.each([...serverFaults, "rate_limited", "api_key_expired", "not_found"] as ProblemCode[])(
  "%s keeps what was composed",
  async (code) => {
    await expect(sendTo(code)).rejects.toMatchObject({ code });
    expect(await findPending(stateDir, setId)).toMatchObject({ release: 1 });
  },
);

it.each(["entry_invalid", "release_fork", "state_digest"] as ProblemCode[])(
  "%s is a refusal: what was composed is dropped",
  async (code) => {
    await expect(sendTo(code)).rejects.toMatchObject({ code });
    expect(await findPending(stateDir, setId)).toBeUndefined();
  },
);
