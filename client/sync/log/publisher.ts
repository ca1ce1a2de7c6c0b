/** One publisher's leaves in the order of the log: roots decide who may speak, releases move sets, recalls are handed on. */

import { SetName } from "@breakwater/shared/ids.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import { type OpenedRecall, openRecall } from "@breakwater/shared/recall.ts";
import { parseStatement, type ReleaseLink } from "@breakwater/shared/release.ts";
import { type OpenedRoot, openPinnedRoot } from "@breakwater/shared/root.ts";
import { bytesOf, formOf, type Leaf, type LeafForm, textOf } from "./leaf.ts";
import { claimRelease, findTimeFault, judgeReleases, type ReleaseLeaf, type RunVerdict } from "./releases.ts";
import { judgeRoot, openBefore, openLogRoots } from "./roots.ts";
import { CHAIN_KEPT, hold, type LoggedRelease, type PublisherLog, type SetLog } from "./state.ts";

/** A publisher whose pinned root does not turn up among so many leaves of its own is not in this log. */
const UNANCHORED_MAX = 100_000;

export type PublisherFindings = {
  recalls: { set: string; recall: OpenedRecall; index: number }[];
  refusedRecalls: { set: string; index: number; code: ProblemCode; bytes: Uint8Array }[];
  /** Statements that prove something: beside the publisher's own folder, by set where they name one. */
  evidence: { set?: string; name: string; bytes: Uint8Array }[];
  newRoot: boolean;
};

export type PublisherReader = {
  log: PublisherLog;
  take(leaves: readonly Leaf[]): Promise<void>;
  /** What is left to judge; afterwards `log` is complete. */
  finish(): Promise<PublisherFindings>;
  roots(): readonly OpenedRoot[];
};

type Context = { name: string; origin: string; now: Date };

/** @param log - changed in place; the caller keeps it only when the checkpoint's root held */
export async function readPublisher(context: Context, log: PublisherLog): Promise<PublisherReader> {
  const findings: PublisherFindings = { recalls: [], refusedRecalls: [], evidence: [], newRoot: false };
  const roots: OpenedRoot[] = log.anchored ? await openLogRoots(log) : [];
  const waiting: Leaf[] = [];
  let run: ReleaseLeaf[] = [];

  const ignore = (code: ProblemCode, leaf?: Leaf, set?: string) => {
    log.ignored[code] = (log.ignored[code] ?? 0) + 1;
    if (leaf !== undefined)
      findings.evidence.push({ ...(set && { set }), name: `leaf-${leaf.index}.${code}.jws`, bytes: leaf.bytes });
  };

  async function flush(): Promise<void> {
    const bySet = new Map<string, ReleaseLeaf[]>();
    for (const leaf of run) bySet.set(leaf.statement.set, [...(bySet.get(leaf.statement.set) ?? []), leaf]);
    run = [];
    for (const [set, leaves] of bySet) await judgeSet(set, leaves);
  }

  async function judgeSet(set: string, leaves: ReleaseLeaf[]): Promise<void> {
    const state: SetLog = Object.hasOwn(log.sets, set) ? (log.sets[set] as SetLog) : { chain: [] };
    const known = new Set(state.chain.map(([, digest]) => digest));
    const oldest = state.chain[0]?.[0] ?? 0;
    const fresh = leaves.filter((leaf) => {
      if (known.has(leaf.digest)) return false;
      if (leaf.statement.release >= oldest) return true;
      // Whether it is the one of that number cannot be told any more; nothing that is held depends on it.
      ignore("release_rollback");
      return false;
    });
    if (fresh.length === 0) return;
    const elsewhere = state.head === undefined && (roots[0]?.root.version ?? 1) > 1;
    const head = elsewhere ? "begun elsewhere" : headLink(state);
    const verdict = await judgeReleases(head, fresh, roots[roots.length - 1] as OpenedRoot);
    if (verdict.accepted.length === 0 && verdict.astray.length === 0 && !Object.hasOwn(log.sets, set)) {
      for (const { leaf, code } of verdict.ignored) ignore(code, asLeaf(leaf), set);
      return;
    }
    apply(set, state, verdict);
    log.sets[set] = state;
  }

  function apply(set: string, state: SetLog, { accepted, ignored, held, astray }: RunVerdict): void {
    for (const { leaf, code } of ignored) ignore(code, asLeaf(leaf), set);
    for (const leaf of accepted) state.chain.push([leaf.statement.release, leaf.digest]);
    state.chain = state.chain.slice(-CHAIN_KEPT);
    const ours = accepted.at(-1);
    if (held !== undefined && state.held === undefined) {
      state.held = hold(held.code, context.now, { ...held.detail, index: held.leaf.index });
      const head = ours === undefined ? state.head : loggedOf(ours);
      if (head !== undefined)
        findings.evidence.push({ set, name: `ours-${head.index}.jws`, bytes: bytesOf(head.envelope) });
    }
    for (const leaf of astray) findings.evidence.push({ set, name: `theirs-${leaf.index}.jws`, bytes: leaf.bytes });
    if (ours !== undefined) state.head = loggedOf(ours);
    const choice = [ours, ...astray].filter((leaf) => leaf !== undefined).sort((a, b) => b.index - a.index)[0];
    if (state.held !== undefined && choice !== undefined) state.candidate = loggedOf(choice);
    const fault = ours && findTimeFault(ours, Math.floor(context.now.getTime() / 1000));
    if (fault !== undefined) state.held ??= hold(fault, context.now, { iat: ours?.statement.iat ?? 0 });
  }

  async function judgeOne(leaf: Leaf): Promise<void> {
    const form = formOf(leaf);
    if (typeof form === "string") ignore(form, leaf);
    else if (form.typ === "bw-root+jws") await takeRoot(leaf, form);
    else if (form.typ === "bw-release+jws") takeRelease(leaf, form);
    else if (form.typ === "bw-recall+jws") await takeRecall(leaf);
    else ignore("envelope_typ", leaf);
  }

  async function takeRoot(leaf: Leaf, { digest }: LeafForm): Promise<void> {
    const verdict = await judgeRoot(leaf, digest, roots, context.origin);
    if (verdict.kind === "same") return;
    if (verdict.kind === "next") {
      // What came before this leaf is judged by the root before it.
      await flush();
      roots.push(verdict.root);
      log.roots.push({ index: leaf.index, envelope: textOf(leaf.bytes) });
      findings.newRoot = true;
      return;
    }
    ignore(verdict.code, leaf);
    if (verdict.kind === "held") log.held ??= hold(verdict.code, context.now, { index: leaf.index });
  }

  function takeRelease(leaf: Leaf, form: LeafForm): void {
    const claim = claimRelease(leaf, form, roots[roots.length - 1] as OpenedRoot);
    if (typeof claim !== "string") run.push(claim);
    else ignore(claim, leaf, setOf(leaf));
  }

  async function takeRecall(leaf: Leaf): Promise<void> {
    const set = setOf(leaf);
    // It has ended, whoever signed it: a log of years holds many.
    if (typeof leaf.payload.exp === "number" && leaf.payload.exp * 1000 <= context.now.getTime()) return;
    try {
      const [newest, former] = [roots[roots.length - 1] as OpenedRoot, roots.slice(0, -1)];
      const recall = await openRecall(leaf.bytes, newest, { strict: false, former });
      findings.recalls.push({ set: recall.recall.set, recall, index: leaf.index });
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      ignore(error.code, leaf, set);
      if (set !== undefined)
        findings.refusedRecalls.push({ set, index: leaf.index, code: error.code, bytes: leaf.bytes });
    }
  }

  /** Before the pinned root is found nothing can be judged; once it is, what came before it can. */
  async function anchor(leaf: Leaf, { digest }: LeafForm): Promise<void> {
    if (digest !== log.pin.digest) return;
    const pinned = await openPinnedRoot(leaf.bytes, log.pin, { strict: false });
    if (pinned.root.publisher !== context.name) throw new ExchangeError("root_pin", { reason: "publisher" });
    const trusted = await findBefore(pinned, waiting);
    trusted.push({ root: pinned, leaf });
    log.anchored = true;
    const before = waiting.splice(0);
    for (const one of [...before, leaf]) {
      const root = trusted.find((item) => item.leaf === one);
      if (root !== undefined) {
        await flush();
        roots.push(root.root);
        log.roots.push({ index: one.index, envelope: textOf(one.bytes) });
      } else if (roots.length > 0 && one.payload.root !== undefined) await judgeOne(one);
      else ignore("root_pin");
    }
    if (!pinned.root.logs.some((origin) => origin === context.origin)) {
      log.held ??= hold("root_log", context.now, { index: leaf.index });
    }
  }

  return {
    log,
    roots: () => roots,
    async take(leaves) {
      for (const leaf of leaves) {
        if (log.anchored) {
          await judgeOne(leaf);
          continue;
        }
        waiting.push(leaf);
        if (waiting.length > UNANCHORED_MAX) waiting.shift();
        const form = formOf(leaf);
        if (typeof form !== "string" && form.typ === "bw-root+jws") {
          if (form.digest === log.pin.digest) waiting.pop();
          else if (leaf.payload.version === log.pin.version) ignore("root_pin");
          await anchor(leaf, form);
        }
      }
      await flush();
    },
    async finish() {
      await flush();
      return findings;
    },
  };
}

/** The roots before the pinned one that its own signed chain of digests names, oldest first. */
async function findBefore(pinned: OpenedRoot, leaves: readonly Leaf[]): Promise<{ root: OpenedRoot; leaf: Leaf }[]> {
  const byDigest = new Map<string, Leaf>();
  for (const leaf of leaves) {
    const form = formOf(leaf);
    if (typeof form !== "string" && !byDigest.has(form.digest)) byDigest.set(form.digest, leaf);
  }
  const found: { root: OpenedRoot; leaf: Leaf }[] = [];
  for (let root = pinned; root.root.prev !== null; ) {
    const leaf = byDigest.get(root.root.prev);
    if (leaf === undefined) break;
    root = await openBefore(leaf.bytes, root);
    found.unshift({ root, leaf });
  }
  return found;
}

/** The head of a set by the log. @throws ExchangeError `copy_damaged` */
export function headLink({ head }: SetLog): ReleaseLink | undefined {
  if (head === undefined) return undefined;
  const form = formOf({ index: head.index, bytes: bytesOf(head.envelope), payload: {} });
  if (typeof form === "string" || form.digest !== head.digest)
    throw new ExchangeError("copy_damaged", { reason: "log" });
  return { statement: parseStatement(form.payloadBytes, { strict: false }), digest: head.digest };
}

function loggedOf({ index, bytes, statement, digest }: ReleaseLeaf): LoggedRelease {
  return { index, envelope: textOf(bytes), release: statement.release, digest };
}

function asLeaf({ index, bytes }: ReleaseLeaf): Leaf {
  return { index, bytes, payload: {} };
}

function setOf({ payload }: Leaf): string | undefined {
  const name = SetName.safeParse(payload.set);
  return name.success ? name.data : undefined;
}
