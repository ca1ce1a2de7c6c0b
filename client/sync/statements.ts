/** From the release that is held to the one that is offered: an unbroken chain of statements, or a refusal that says why. */

import { digestOf } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { checkNext, type OpenedRelease, parseStatement, type ReleaseLink } from "@breakwater/shared/release.ts";
import type { Exchange } from "../http/index.ts";

/** Fetched one by one; a copy further behind than this is reloaded under a new pin. */
export const CHAIN_MAX = 2_000;

export type StatementSource = Pick<Exchange, "findRelease">;
export type Link = ReleaseLink & { bytes: Uint8Array };

/**
 * Checks that the head continues what is held (§2.13 step 9).
 *
 * The statements in between need no signature check of their own: the signed head names the digest of the one before
 * it, and so on back, so the last link must be the very statement that is held.
 *
 * @param held - undefined at the first sync: then the pinned root's signature is all there is to go by
 * @returns the statements after the held one, the head last; empty when the head is held already
 * @throws ExchangeError `release_rollback`, `release_fork`, `release_gap`, `release_chain`, `release_time`, …
 */
export async function walkStatements(
  source: StatementSource,
  setId: SetId,
  held: ReleaseLink | undefined,
  head: OpenedRelease,
): Promise<Link[]> {
  if (head.statement.publisher !== setId.publisher || head.statement.set !== setId.set) {
    throw new ExchangeError("release_invalid", { path: "/set" });
  }
  if (held === undefined) return [head];
  const [have, got] = [held.statement.release, head.statement.release];
  if (got <= have) return checkNext(held, head) === "same" ? [] : [head];
  if (got - have > CHAIN_MAX) throw new ExchangeError("release_gap", { have, got, reason: "too_many" });
  const links: Link[] = [];
  for (let release = have + 1; release < got; release++) links.push(await fetchLink(source, setId, release));
  links.push(head);
  checkBackwards(held, links);
  let previous: ReleaseLink = held;
  for (const link of links) {
    checkNext(previous, link);
    previous = link;
  }
  return links;
}

async function fetchLink(source: StatementSource, setId: SetId, release: number): Promise<Link> {
  const bytes = await source.findRelease(setId, release);
  if (bytes === undefined) throw new ExchangeError("release_gap", { reason: "statement_missing", release });
  const { payloadBytes } = parseEnvelope(bytes);
  return { statement: parseStatement(payloadBytes, { strict: false }), digest: await digestOf(payloadBytes), bytes };
}

// From the signed head backwards, so that nothing unsigned is believed: whoever sits between can only be caught lying.
function checkBackwards(held: ReleaseLink, links: Link[]): void {
  for (let at = links.length - 1; at > 0; at--) {
    const [before, link] = [links[at - 1] as Link, links[at] as Link];
    if (link.statement.prev !== before.digest) {
      throw new ExchangeError("release_chain", { have: before.statement.release, got: link.statement.release });
    }
  }
  // Unbroken back to the number after ours and yet not from our statement: two releases carry our number, both signed.
  if ((links[0] as Link).statement.prev !== held.digest) {
    throw new ExchangeError("release_fork", { have: held.statement.release, got: held.statement.release });
  }
}
