/** Publishers' roots: the newest one decides what a release may be signed with, and log order decides which is newest. */

import { thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { checkRootTimes, type OpenedRoot, openPinnedRoot, openRoot } from "@breakwater/shared/root.ts";
import type { RootAnswer } from "@breakwater/shared/wire/sets.ts";
import { and, desc, eq } from "drizzle-orm";
import { append } from "../audit/index.ts";
import { appendLeaf, logTransaction } from "../log/index.ts";
import { setCustody } from "../members/index.ts";
import type { Actor } from "../platform/caller.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { publisherRoots } from "./tables.ts";

type RootRow = typeof publisherRoots.$inferSelect;

export async function findNewestRootRow({ db }: Queries, publisher: string): Promise<RootRow | undefined> {
  const [row] = await db
    .select()
    .from(publisherRoots)
    .where(eq(publisherRoots.publisher, publisher))
    .orderBy(desc(publisherRoots.version))
    .limit(1);
  return row;
}

export async function findRootRow({ db }: Queries, publisher: string, version: number): Promise<RootRow | undefined> {
  const [row] = await db
    .select()
    .from(publisherRoots)
    .where(and(eq(publisherRoots.publisher, publisher), eq(publisherRoots.version, version)));
  return row;
}

/** The newest root, opened from its stored bytes. @throws ExchangeError `root_missing`, `root_expired` */
export async function getCurrentRoot(queries: Queries, publisher: string, now: Date): Promise<OpenedRoot> {
  const opened = await getNewestRoot(queries, publisher);
  checkRootTimes(opened.root, seconds(now));
  return opened;
}

/** As {@link getCurrentRoot}, expired or not: for taking back, which waits for no new root. @throws `root_missing` */
export async function getNewestRoot(queries: Queries, publisher: string): Promise<OpenedRoot> {
  const row = await findNewestRootRow(queries, publisher);
  if (row === undefined) throw new ExchangeError("root_missing");
  return openRow(row);
}

/** The roots before the newest one, newest first: whose keys a revoked signature may be of. */
export async function listFormerRoots({ db }: Queries, publisher: string): Promise<OpenedRoot[]> {
  const rows = await db
    .select()
    .from(publisherRoots)
    .where(eq(publisherRoots.publisher, publisher))
    .orderBy(desc(publisherRoots.version));
  return Promise.all(rows.slice(1).map(openRow));
}

/**
 * Accept a publisher's root: its own threshold and the previous root's, version +1, then a leaf in the log.
 *
 * @returns `repeated` when these very bytes' statement was accepted before; the answer is the first one
 */
export async function acceptRoot(
  deps: Deps,
  publisher: string,
  envelope: Uint8Array,
  actor: Actor,
): Promise<{ answer: RootAnswer; repeated: boolean }> {
  const now = deps.now();
  const previous = await findNewestRootRow(deps, publisher);
  const opened = await openRoot(envelope, previous && (await openRow(previous)));
  const { publisher: needs } = opened.root;
  if (needs !== publisher) throw new ExchangeError("publisher_mismatch", { needs });
  if (previous?.digest === opened.digest) return { answer: answerOf(previous), repeated: true };
  checkRootTimes(opened.root, seconds(now));
  const custody = await custodyOf(deps, opened);

  return logTransaction(deps, async (tx) => {
    // Under the lock: somebody else's next root may have come in since the check.
    const held = await findNewestRootRow(tx, publisher);
    if ((held?.version ?? 0) !== opened.root.version - 1) {
      if (held?.digest === opened.digest) return { answer: answerOf(held), repeated: true };
      throw new ExchangeError("root_fork", { have: held?.version ?? 0, got: opened.root.version });
    }
    await requireNoneBeingSigned(tx, publisher);
    const leaf = { typ: "bw-root+jws", digest: opened.digest, envelope, now } as const;
    const logIndex = await appendLeaf(tx, leaf);
    const { version } = opened.root;
    const row: RootRow = { publisher, version, digest: opened.digest, envelope, logIndex, acceptedAt: now };
    await tx.db.insert(publisherRoots).values(row);
    await setCustody(tx, publisher, custody);
    await append(tx, { at: now, actor, action: "root.accepted", subject: opened.digest });
    return { answer: answerOf(row), repeated: false };
  });
}

/** Custody is what the root says: a rotation that lists the signer's key hands it over, one that drops it takes it home. */
export async function custodyOf(
  { signer }: Pick<Deps, "signer">,
  { root }: OpenedRoot,
): Promise<"member" | "exchange"> {
  const jwk = await signer.releaseKey(root.publisher);
  return jwk !== undefined && root.roles.release.kids.includes(await thumbprint(jwk)) ? "exchange" : "member";
}

// The signer never signs a number twice. A root that outdates a statement between its signature and its admission
// would leave the set with a number that can be neither admitted nor signed again.
async function requireNoneBeingSigned({ sql }: Queries, publisher: string): Promise<void> {
  const [row] = await sql`
    select 1 from admissions a join sets s on s.id = a.set_id
    where s.publisher = ${publisher} and a.envelope is null and a.state in ('queued', 'running') limit 1`;
  if (row !== undefined) throw new ExchangeError("admission_pending");
}

async function openRow(row: RootRow): Promise<OpenedRoot> {
  const { digest, version } = row;
  return openPinnedRoot(row.envelope, { version, digest });
}

const answerOf = ({ publisher, version, digest, logIndex }: RootRow): RootAnswer => ({
  publisher: publisher as RootAnswer["publisher"],
  version,
  digest,
  log_index: logIndex,
});

export function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}
