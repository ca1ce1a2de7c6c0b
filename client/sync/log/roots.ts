/** Roots by the log (§2.13 step 8): which are held, and what a new root leaf of the publisher comes to. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import { type OpenedRoot, openPinnedRoot, openRoot } from "@breakwater/shared/root.ts";
import { bytesOf, formOf, type Leaf, textOf } from "./leaf.ts";
import type { PublisherLog } from "./state.ts";

const TOLERANT = { strict: false };

export type RootVerdict =
  | { kind: "next"; root: OpenedRoot }
  | { kind: "same" }
  /** The exchange logged what it should have refused; holding here would let it freeze a set with junk. */
  | { kind: "ignored"; code: ProblemCode }
  | { kind: "held"; code: ProblemCode };

// Properly signed, and yet not what may come next: the publisher itself, or its stolen keys, spoke twice.
const HOLDS = new Set<ProblemCode>(["root_fork", "root_gap", "root_chain", "root_log"]);

/**
 * The roots that are held, opened again: the pinned one by its pin, later ones by the one before, earlier ones by the
 * digest that the one after names.
 *
 * @throws ExchangeError `copy_damaged`
 */
export async function openLogRoots({ roots, pin }: PublisherLog): Promise<OpenedRoot[]> {
  try {
    const envelopes = roots.map(({ envelope }) => bytesOf(envelope));
    const first = pin.version - versionOf(envelopes[0]);
    const opened: OpenedRoot[] = [];
    opened[first] = await openPinnedRoot(envelopes[first] as Uint8Array, pin, TOLERANT);
    for (let at = first + 1; at < envelopes.length; at++) {
      opened[at] = await openRoot(envelopes[at] as Uint8Array, opened[at - 1] as OpenedRoot, TOLERANT);
    }
    for (let at = first - 1; at >= 0; at--) {
      opened[at] = await openBefore(envelopes[at] as Uint8Array, opened[at + 1] as OpenedRoot);
    }
    return opened;
  } catch (cause) {
    throw new ExchangeError("copy_damaged", { reason: "roots" }, { cause });
  }
}

function versionOf(bytes: Uint8Array | undefined): number {
  const form = bytes && formOf({ index: 0, bytes, payload: {} });
  if (form === undefined || typeof form === "string") throw new ExchangeError("root_missing");
  return (JSON.parse(textOf(form.payloadBytes)) as { version: number }).version;
}

/** The predecessor of a root that is trusted: its digest stands in that one, signed. */
export async function openBefore(bytes: Uint8Array, { root }: OpenedRoot): Promise<OpenedRoot> {
  if (root.prev === null) throw new ExchangeError("root_chain", { reason: "prev" });
  const before = await openPinnedRoot(bytes, { version: root.version - 1, digest: root.prev }, TOLERANT);
  if (before.root.publisher !== root.publisher) throw new ExchangeError("root_chain", { reason: "publisher" });
  return before;
}

/** @param held - oldest first, at least one */
export async function judgeRoot(
  leaf: Leaf,
  digest: Digest,
  held: readonly OpenedRoot[],
  origin: string,
): Promise<RootVerdict> {
  const newest = held[held.length - 1] as OpenedRoot;
  const { version } = leaf.payload;
  const same = held.find(({ root }) => root.version === version);
  if (same?.digest === digest) return { kind: "same" };
  // Another root of a version that is held is judged by the keys that could have signed one: its predecessor's, or,
  // for the first there is, its own.
  const before = held.find(({ root }) => root.version === Number(version) - 1) ?? (same === undefined ? newest : same);
  try {
    const root = await openRoot(leaf.bytes, before, TOLERANT);
    if (same !== undefined) return { kind: "held", code: "root_fork" };
    if (!root.root.logs.some((log) => log === origin)) return { kind: "held", code: "root_log" };
    return { kind: "next", root };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return { kind: HOLDS.has(error.code) ? "held" : "ignored", code: error.code };
  }
}
