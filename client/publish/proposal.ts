/** A root on its way between the people who sign it: a file that carries the bytes, the root before, and signatures. */

import { type Bytes, base64urlOf, equalBytes, findBase64url, findUtf8, utf8Of } from "@breakwater/shared/bytes.ts";
import { type EnvelopeShape, parseEnvelope, signPayloadBytes } from "@breakwater/shared/envelope.ts";
import type { Kid } from "@breakwater/shared/ids.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import type { SigningKey } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type OpenedRoot, openPinnedRoot, openRoot, Root } from "@breakwater/shared/root.ts";
import { z } from "zod";

/** Two envelopes and their base64: more is not a proposal. */
export const PROPOSAL_MAX_BYTES = 128 * 1024;

const ProposalFile = z.strictObject({
  breakwater: z.literal("root-proposal"),
  v: z.literal(1),
  /** The envelope of the root before, as text: what a signer compares with the one it holds. */
  previous: z.string(),
  payload: z.string(),
  signatures: z.array(z.strictObject({ protected: z.string(), signature: z.string() })).max(32),
});

export type Proposal = {
  previous: OpenedRoot;
  root: Root;
  payload: Bytes;
  signatures: EnvelopeShape["signatures"];
};

export function makeProposal(previous: OpenedRoot, root: Root): Proposal {
  return { previous, root, payload: utf8Of(jcs(root)), signatures: [] };
}

export function formatProposal({ previous, payload, signatures }: Proposal): string {
  const file: z.infer<typeof ProposalFile> = {
    breakwater: "root-proposal",
    v: 1,
    previous: findUtf8(previous.bytes) as string,
    payload: base64urlOf(payload),
    signatures,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * What the file says, checked as far as it goes by itself: the root before is signed by its own keys and is the one that
 * the proposal continues. Whether it is the publisher's newest is for the caller to say.
 *
 * @throws ExchangeError `root_invalid`, and what opening the previous root throws
 */
export async function parseProposal(bytes: Uint8Array): Promise<Proposal> {
  if (bytes.length > PROPOSAL_MAX_BYTES) throw new ExchangeError("root_invalid", { reason: "size" });
  const parsed = ProposalFile.safeParse(jsonOf(bytes));
  const payload = parsed.success ? findBase64url(parsed.data.payload) : undefined;
  if (!parsed.success || payload === undefined) throw new ExchangeError("root_invalid", { reason: "proposal" });
  const root = Root.safeParse(parseJcs(payload));
  if (!root.success || root.data.prev === null) throw new ExchangeError("root_invalid", { reason: "payload" });
  const { version, prev } = root.data;
  const previous = await openPinnedRoot(utf8Of(parsed.data.previous), { version: version - 1, digest: prev });
  if (previous.root.publisher !== root.data.publisher) throw new ExchangeError("root_chain", { reason: "publisher" });
  return { previous, root: root.data, payload, signatures: parsed.data.signatures };
}

/** What several people signed on copies of one proposal, in one. @throws ExchangeError `root_fork` for two different roots */
export function mergeProposals(proposals: readonly [Proposal, ...Proposal[]]): Proposal {
  const [first] = proposals;
  const signatures = new Map<string, EnvelopeShape["signatures"][number]>();
  for (const proposal of proposals) {
    if (!equalBytes(proposal.payload, first.payload))
      throw new ExchangeError("root_fork", { reason: "proposals_differ" });
    for (const signature of proposal.signatures) signatures.set(kidOf(signature.protected), signature);
  }
  return { ...first, signatures: [...signatures.values()] };
}

/** Signs with each of the keys that counts and has not signed. @throws ExchangeError `key_invalid` when none does */
export async function signProposal(proposal: Proposal, keys: readonly SigningKey[]): Promise<Proposal> {
  const { missing } = tallyOf(proposal);
  const useful = keys.filter(({ kid }) => missing.includes(kid));
  if (useful.length === 0) throw new ExchangeError("key_invalid", { reason: "no_root_key_that_counts_is_here" });
  const signed = await signPayloadBytes("bw-root+jws", proposal.payload, useful);
  return { ...proposal, signatures: [...proposal.signatures, ...parseEnvelope(signed).envelope.signatures] };
}

export type Tally = {
  signed: Kid[];
  /** Root keys of either version that have not signed. */
  missing: Kid[];
  previous: { have: number; threshold: number };
  own: { have: number; threshold: number };
  complete: boolean;
};

/** Who has signed, by what the file claims: {@link envelopeOf} is what verifies. */
export function tallyOf({ previous, root, signatures }: Proposal): Tally {
  const signed = signatures.map((signature) => kidOf(signature.protected));
  const count = ({ roles }: Root) => ({
    have: roles.root.kids.filter((kid) => signed.includes(kid)).length,
    threshold: roles.root.threshold,
  });
  const all = new Set([...previous.root.roles.root.kids, ...root.roles.root.kids]);
  const tally = { previous: count(previous.root), own: count(root) };
  return {
    signed,
    missing: [...all].filter((kid) => !signed.includes(kid)),
    ...tally,
    complete: tally.previous.have >= tally.previous.threshold && tally.own.have >= tally.own.threshold,
  };
}

/**
 * The signed root, verified as an exchange and a subscriber will.
 *
 * @throws ExchangeError `signature_threshold` while signatures are missing, `signature_invalid` for one that is not good
 */
export async function envelopeOf({ previous, payload, signatures }: Proposal): Promise<OpenedRoot> {
  const sorted = [...signatures].sort((a, b) => (kidOf(a.protected) < kidOf(b.protected) ? -1 : 1));
  if (sorted.length === 0) throw new ExchangeError("signature_threshold", { have: 0 });
  return openRoot(utf8Of(jcs({ payload: base64urlOf(payload), signatures: sorted })), previous);
}

function kidOf(protectedHeader: string): Kid {
  const bytes = findBase64url(protectedHeader);
  const header = bytes === undefined ? undefined : (jsonOf(bytes) as { kid?: unknown } | undefined);
  return (typeof header?.kid === "string" ? header.kid : "") as Kid;
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
