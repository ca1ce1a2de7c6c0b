/** Releases by the log (§2.13 step 9): from the head that is held to the newest, or a refusal that has a name. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import {
  checkNext,
  checkReleaseTimes,
  openRelease,
  parseStatement,
  type ReleaseLink,
  type ReleaseStatement,
} from "@breakwater/shared/release.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import type { Leaf, LeafForm } from "./leaf.ts";

/** A leaf that has a statement's form and names the newest root of its place in the log. */
export type ReleaseLeaf = ReleaseLink & { index: number; bytes: Uint8Array };

export type RunVerdict = {
  /** What follows the head that was held, in order; the last is the new head. */
  accepted: ReleaseLeaf[];
  ignored: { leaf: ReleaseLeaf; code: ProblemCode }[];
  /** The first properly signed statement that may not stand where it stands. */
  held?: { leaf: ReleaseLeaf; code: ProblemCode; detail: ExchangeError["detail"] };
  /** Properly signed ones that do not belong to the chain. */
  astray: ReleaseLeaf[];
};

/** @returns the code of the refusal for a leaf that is no statement or names another root than the newest before it */
export function claimRelease(
  leaf: Leaf,
  { payloadBytes, digest }: LeafForm,
  root: OpenedRoot,
): ReleaseLeaf | ProblemCode {
  let statement: ReleaseStatement;
  try {
    statement = parseStatement(payloadBytes, { strict: false });
  } catch (error) {
    if (error instanceof ExchangeError) return error.code;
    throw error;
  }
  // Revocation by log order: after the root in which a key is gone, nothing by the old one counts, whatever it claims.
  if (statement.root !== root.root.version) return "release_root";
  return { index: leaf.index, bytes: leaf.bytes, statement, digest };
}

/**
 * A run of leaves of one set between two roots.
 *
 * One signature is checked where all is well: that of the newest statement, which names the digest of the one before,
 * and so on back to the head that is held. Whatever is not on that chain is checked by itself.
 */
export async function judgeReleases(
  held: ReleaseLink | "begun elsewhere" | undefined,
  leaves: readonly ReleaseLeaf[],
  root: OpenedRoot,
): Promise<RunVerdict> {
  const verify = verifierOf(root);
  if (held === "begun elsewhere") {
    // The publisher's first root here is not its first: whatever it signed before stands in another log.
    const at = await findFirst(leaves, verify);
    const first = leaves[at];
    if (first === undefined) return judgeOneByOne(undefined, leaves, verify);
    const verdict = await judgeReleases(first, leaves.slice(at + 1), root);
    return { ...verdict, accepted: [first, ...verdict.accepted] };
  }
  const chain = await findChain(held, leaves, verify);
  if (chain === undefined) return judgeOneByOne(held, leaves, verify);
  const onChain = new Set(chain);
  const digests = new Set(chain.map(({ digest }) => digest));
  const ignored: RunVerdict["ignored"] = [];
  for (const leaf of leaves) {
    if (onChain.has(leaf) || digests.has(leaf.digest) || leaf.digest === held?.digest) continue;
    const code = await verify(leaf);
    if (code === undefined) return judgeOneByOne(held, leaves, verify);
    ignored.push({ leaf, code });
  }
  return { accepted: chain, ignored, astray: [] };
}

type Verify = (leaf: ReleaseLeaf) => Promise<ProblemCode | undefined>;

/** Remembers what it found: a leaf may be asked about twice. */
function verifierOf(root: OpenedRoot): Verify {
  const known = new Map<ReleaseLeaf, Promise<ProblemCode | undefined>>();
  const verify = async (leaf: ReleaseLeaf) => {
    try {
      await openRelease(leaf.bytes, root, { strict: false });
      return undefined;
    } catch (error) {
      if (error instanceof ExchangeError) return error.code;
      throw error;
    }
  };
  return (leaf) => {
    const found = known.get(leaf) ?? verify(leaf);
    known.set(leaf, found);
    return found;
  };
}

/** From the newest properly signed leaf back to what is held; undefined when the way is broken anywhere. */
async function findChain(
  held: ReleaseLink | undefined,
  leaves: readonly ReleaseLeaf[],
  verify: Verify,
): Promise<ReleaseLeaf[] | undefined> {
  const byDigest = new Map<Digest, ReleaseLeaf>();
  // The first place counts: the same statement logged twice is one statement.
  for (const leaf of leaves) if (!byDigest.has(leaf.digest)) byDigest.set(leaf.digest, leaf);
  const newest = await findNewest(held, leaves, verify);
  if (newest === undefined) return [];
  const chain: ReleaseLeaf[] = [];
  for (let leaf: ReleaseLeaf | undefined = newest; leaf !== undefined; ) {
    chain.unshift(leaf);
    const prev: Digest | null = leaf.statement.prev;
    if (prev === (held?.digest ?? null)) return isSound(held, chain) ? chain : undefined;
    const before: ReleaseLeaf | undefined = prev === null ? undefined : byDigest.get(prev);
    leaf = before !== undefined && before.index < leaf.index ? before : undefined;
  }
  return undefined;
}

async function findFirst(leaves: readonly ReleaseLeaf[], verify: Verify): Promise<number> {
  for (const [at, leaf] of leaves.entries()) if ((await verify(leaf)) === undefined) return at;
  return leaves.length;
}

async function findNewest(
  held: ReleaseLink | undefined,
  leaves: readonly ReleaseLeaf[],
  verify: Verify,
): Promise<ReleaseLeaf | undefined> {
  for (let at = leaves.length - 1; at >= 0; at--) {
    const leaf = leaves[at] as ReleaseLeaf;
    if (leaf.digest !== held?.digest && (await verify(leaf)) === undefined) return leaf;
  }
  return undefined;
}

function isSound(held: ReleaseLink | undefined, chain: readonly ReleaseLeaf[]): boolean {
  try {
    let before = held;
    for (const leaf of chain) {
      checkNext(before, leaf);
      before = leaf;
    }
    return true;
  } catch (error) {
    if (error instanceof ExchangeError) return false;
    throw error;
  }
}

async function judgeOneByOne(
  held: ReleaseLink | undefined,
  leaves: readonly ReleaseLeaf[],
  verify: Verify,
): Promise<RunVerdict> {
  const verdict: RunVerdict = { accepted: [], ignored: [], astray: [] };
  const seen = new Set<Digest>(held === undefined ? [] : [held.digest]);
  let head = held;
  for (const leaf of leaves) {
    if (seen.has(leaf.digest)) continue;
    const code = await verify(leaf);
    if (code !== undefined) {
      verdict.ignored.push({ leaf, code });
      continue;
    }
    seen.add(leaf.digest);
    try {
      checkNext(head, leaf);
      head = leaf;
      verdict.accepted.push(leaf);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      verdict.astray.push(leaf);
      verdict.held ??= { leaf, code: error.code, detail: error.detail };
    }
  }
  return verdict;
}

/** Only the head decides about time, and only now: `release_time` when it is from the future. */
export function findTimeFault({ statement }: ReleaseLink, nowSeconds: number): ProblemCode | undefined {
  try {
    checkReleaseTimes(statement, nowSeconds);
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "release_time") return error.code;
  }
  return undefined;
}
