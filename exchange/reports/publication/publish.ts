/** From verified cases to the set's next release: what would change, the checks, and the release through the one door. */
import type { HashEntry } from "@breakwater/shared/entries/index.ts";
import { thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { PreviewAnswer, PublicationAnswer, ReadyAnswer } from "@breakwater/shared/wire/publication.ts";
import { append } from "../../audit/index.ts";
import { actorOf, findPublisher } from "../../members/index.ts";
import type { PersonCaller } from "../../platform/caller.ts";
import { transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { enqueue } from "../../platform/jobs.ts";
import {
  countSubscribers,
  findListedHashes,
  findSet,
  listPublisherSets,
  publishEntries,
  type SetRow,
} from "../../sets/index.ts";
import { entryOf, fitsStream } from "./entries.ts";
import { getVerified, listVerified, type VerifiedCase } from "./findings.ts";
import { SETTLE_PUBLICATION, settlePublication } from "./settle.ts";

/** A PDQ below this is fit for a list and still worth a look before signing. */
export const QUALITY_CAUTION = 70;
/** How soon the sweep looks whether a publication's cases were marked; the request itself usually has by then. */
const SETTLE_AFTER_MS = 15_000;

type Choice = { set: string; cases: readonly number[]; leave_out?: readonly string[] | undefined };
type Proposed = { case: number; entry: HashEntry; listedAs: string | undefined };
type Plan = { publisher: string; set: SetRow; cases: VerifiedCase[]; proposed: Proposed[]; misfits: number };

export async function listReady(deps: Deps, caller: PersonCaller): Promise<ReadyAnswer> {
  const sets = caller.publisher === undefined ? [] : await listPublisherSets(deps, caller.publisher);
  const cases = await listVerified(deps, caller.memberId);
  return {
    sets: sets
      .filter(({ kind, closed }) => kind === "hash" && !closed)
      .map((row) => ({
        publisher: row.publisher,
        set: row.name,
        title: typeof row.about?.title === "string" ? row.about.title : null,
        release: row.headRelease,
      })),
    cases: cases.map(({ number, state, finding, entries }) => ({
      case: number,
      state,
      entries: entries.map((row) => {
        const entry = entryOf(row, finding, "photographic");
        return {
          id: entry.id,
          alg: entry.alg,
          value: entry.value,
          ...(entry.quality === undefined ? {} : { quality: entry.quality }),
          act: entry.act,
          age: entry.age,
          production: entry.production,
          requested_action: entry.requested_action,
          verification: entry.verification.level,
        };
      }),
    })),
  };
}

/** @throws ExchangeError `role_required`, `not_found`, `case_state`, `set_kind` */
async function plan(deps: Deps, caller: PersonCaller, choice: Choice): Promise<Plan> {
  const { publisher } = caller;
  if (publisher === undefined) throw new ExchangeError("role_required", { roles: ["publisher"] });
  const set = await findSet(deps, { publisher, set: choice.set } as Parameters<typeof findSet>[1]);
  if (set === undefined) throw new ExchangeError("not_found");
  if (set.kind !== "hash") throw new ExchangeError("set_kind");
  const cases = await getVerified(deps, caller.memberId, choice.cases);
  const left = new Set(choice.leave_out ?? []);
  const proposed: Proposed[] = [];
  let misfits = 0;
  for (const { number, finding, entries } of cases) {
    const kept = entries.filter(({ entry_id }) => !left.has(entry_id));
    if (!fitsStream(finding, set.stream)) misfits += kept.length;
    for (const row of kept)
      proposed.push({ case: number, entry: entryOf(row, finding, set.stream), listedAs: undefined });
  }
  const listed = await findListedHashes(
    deps,
    publisher,
    proposed.map(({ entry }) => ({ alg: entry.alg, value: entry.value })),
  );
  const here = listed.filter((one) => one.set === set.name);
  // Listed already, or the same hash from two cases: it stays the one entry it is.
  const seen = new Map<string, string>(here.map(({ alg, value, id }) => [`${alg} ${value}`, id]));
  for (const one of proposed) {
    const key = `${one.entry.alg} ${one.entry.value}`;
    one.listedAs = seen.get(key);
    if (one.listedAs === undefined) seen.set(key, one.entry.id);
  }
  return { publisher, set, cases, proposed, misfits };
}

export async function previewPublication(deps: Deps, caller: PersonCaller, choice: Choice): Promise<PreviewAnswer> {
  const { publisher, set, proposed, misfits } = await plan(deps, caller, choice);
  const added = proposed.filter(({ listedAs }) => listedAs === undefined);
  const found = await findPublisher(deps, publisher);
  const custody = found?.custody ?? "member";
  const key = custody === "exchange" ? await deps.signer.releaseKey(publisher) : undefined;
  const faint = added.filter(({ entry }) => (entry.quality ?? 100) < QUALITY_CAUTION).length;
  const repeated = proposed.length - added.length;
  return {
    publisher: publisher as PreviewAnswer["publisher"],
    set: set.name as PreviewAnswer["set"],
    release: set.headRelease,
    release_next: set.headRelease + 1,
    entries_before: set.entries,
    entries_after: set.entries + added.length,
    changes: added.map(({ case: number, entry }) => ({
      op: "put" as const,
      id: entry.id,
      case: number,
      alg: entry.alg,
      value: entry.value,
      ...(entry.quality === undefined ? {} : { quality: entry.quality }),
      checked_by: entry.verification.level,
      asks_for: entry.requested_action,
    })),
    checks: [
      // Both are true by how entries come about (assess.ts): the counts say for how many.
      { code: "both_computed", ok: true, count: added.length },
      {
        code: "none_rendered",
        ok: added.every(({ entry }) => entry.source_fidelity === "original_bytes"),
        count: added.length,
      },
      { code: "already_listed", ok: repeated === 0 ? true : "caution", count: repeated },
      { code: "low_quality", ok: faint === 0 ? true : "caution", count: faint },
      { code: "stream", ok: misfits === 0, count: misfits },
      { code: "custody", ok: custody === "exchange", count: 0 },
    ],
    subscribers: await countSubscribers(deps, set),
    signing: { custody, kid: key === undefined ? null : await thumbprint(key) },
  };
}

/** @throws ExchangeError what {@link plan} throws, `case_state` (stream), `conflict`, `custody_mismatch`, and what admission refuses */
export async function publish(
  deps: Deps,
  caller: PersonCaller,
  choice: Choice & { expected_release: number },
): Promise<PublicationAnswer> {
  const planned = await plan(deps, caller, choice);
  const { publisher, set, cases, proposed, misfits } = planned;
  if (misfits > 0) throw new ExchangeError("case_state", { reason: "stream", count: misfits });
  if (proposed.length === 0) throw new ExchangeError("delta_invalid", { reason: "nothing to publish" });
  if (set.headRelease !== choice.expected_release) {
    throw new ExchangeError("conflict", { have: set.headRelease, expected: choice.expected_release });
  }
  await openPublication(deps, caller, planned);
  const puts = proposed.flatMap(({ entry, listedAs }) => (listedAs === undefined ? [entry] : []));
  const released =
    puts.length === 0
      ? { release: set.headRelease, digest: set.headDigest ?? "", log_index: 0, entries: set.entries }
      : await release(deps, caller, { publisher, set: set.name, puts, expectedRelease: choice.expected_release });
  await settlePublication(deps, { hotlineId: caller.memberId, publisher, set: set.name, by: caller });
  return {
    publisher: publisher as PublicationAnswer["publisher"],
    set: set.name as PublicationAnswer["set"],
    ...released,
    cases: cases.map(({ number }) => number),
  };
}

/**
 * Before the release: which id stands for what is listed already, the act on record, and a job that marks the cases.
 * A crash after the head moved leaves verified cases whose entries are listed; the job finds them by their ids.
 */
async function openPublication(
  deps: Deps,
  caller: PersonCaller,
  { publisher, set, cases, proposed }: Plan,
): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    for (const { entry, listedAs } of proposed) {
      if (listedAs === undefined) continue;
      await tx.sql`update case_entries set entry_id = ${listedAs} where entry_id = ${entry.id} and published_at is null`;
    }
    const payload = {
      hotline_id: caller.memberId,
      publisher,
      set: set.name,
      person_id: caller.personId,
      until_ms: now.getTime() + 86_400_000,
    };
    const key = `${SETTLE_PUBLICATION}:${caller.memberId}:${set.name}`;
    await enqueue(tx, deps, {
      kind: SETTLE_PUBLICATION,
      key,
      payload,
      runAt: new Date(now.getTime() + SETTLE_AFTER_MS),
    });
    for (const { id } of cases) {
      await append(tx, { at: now, actor: actorOf(caller), action: "case.publishing", subject: id, code: set.name });
    }
  });
}

type Put = { publisher: string; set: string; puts: HashEntry[]; expectedRelease: number };

async function release(deps: Deps, caller: PersonCaller, put: Put) {
  const outcome = await publishEntries(deps, { ...put, dels: [], by: caller });
  // Too large to be admitted within the request: the job marks the cases once the head has moved.
  if (outcome.kind === "pending") throw new ExchangeError("admission_pending", { release: outcome.release });
  const { release: number, digest, log_index, entries } = outcome.answer;
  return { release: number, digest, log_index, entries };
}
