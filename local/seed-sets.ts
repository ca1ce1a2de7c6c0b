// The demo publisher's root and sets, made with the client library as any publisher makes them; and the pins of those who subscribe.
import { randomBytes } from "node:crypto";
import { listSigningKeys } from "@breakwater/client/profile/key-files.ts";
import { type Pin, readPins, writePin } from "@breakwater/client/profile/pins.ts";
import type { Profile } from "@breakwater/client/profile/profile.ts";
import { publishList } from "@breakwater/client/publish/publish.ts";
import { createRoot } from "@breakwater/client/publish/root.ts";
import { utf8Of } from "@breakwater/shared/bytes.ts";
import { parsePublisher, parseSetId } from "@breakwater/shared/ids.ts";
import { openPinnedRoot, rootDigest } from "@breakwater/shared/root.ts";
import type { Say } from "./home.ts";
import { SEED_PUBLISHER, SEED_SETS, type SeedSet } from "./seed-data.ts";
import { openClient } from "./seed-members.ts";

export type SeededSet = { publisher: string; set: string; kind: SeedSet["kind"] };

export async function seedSets(hotline: Profile, say: Say, signal: AbortSignal): Promise<SeededSet[]> {
  const pin = await keepRoot(hotline);
  const exchange = openClient(hotline);
  const present = new Map((await exchange.listSets()).map((row) => [`${row.publisher}/${row.set}`, row.release]));
  for (const seedSet of SEED_SETS) {
    signal.throwIfAborted();
    const setId = parseSetId({ publisher: SEED_PUBLISHER, set: seedSet.set });
    // Published once: later the set is the hotline's own, and what a person withdrew must not come back with the next start.
    if ((present.get(`${SEED_PUBLISHER}/${seedSet.set}`) ?? 0) > 0) continue;
    await exchange.putSet(setId, { kind: seedSet.kind, stream: "test", audience: seedSet.audience });
    const list = utf8Of(
      seedSet
        .entries()
        .map((entry) => JSON.stringify(entry))
        .join("\n"),
    );
    const context = {
      exchange,
      profileDir: hotline.dir,
      stateDir: hotline.stateDir,
      setId,
      pin,
      now: new Date(),
      random: (length: number) => new Uint8Array(randomBytes(length)),
    };
    const { release, entries } = await publishList(context, {
      about: seedSet.about,
      list: { format: "ndjson", chunks: [list] },
    });
    say(`Published ${SEED_PUBLISHER}/${seedSet.set}: release ${release}, ${entries} entries.`);
  }
  return SEED_SETS.map(({ set, kind }) => ({ publisher: SEED_PUBLISHER, set, kind }));
}

/** The publisher's root: made once, pinned by its own profile. */
async function keepRoot(hotline: Profile): Promise<Pin> {
  const pinned = (await readPins(hotline.dir))[SEED_PUBLISHER];
  if (pinned) return pinned;
  const exchange = openClient(hotline);
  const held = await exchange.findRoot(SEED_PUBLISHER, 1);
  if (held === undefined) {
    return createRoot({
      exchange,
      profileDir: hotline.dir,
      publisher: parsePublisher(SEED_PUBLISHER),
      custody: "exchange",
      now: new Date(),
    });
  }
  // A start was killed between posting the root and pinning it. The root is ours only if the key that signed it lies in our own profile.
  const pin = { version: 1, digest: await rootDigest(held) };
  const { root } = await openPinnedRoot(held, pin);
  const own = (await listSigningKeys(hotline.dir, "root")).map(({ kid }) => kid);
  if (!root.roles.root.kids.some((kid) => own.includes(kid)))
    throw new Error(
      `The exchange has a root of ${SEED_PUBLISHER} that this home did not make. Start from an empty BREAKWATER_HOME.`,
    );
  await writePin(hotline.dir, SEED_PUBLISHER, pin);
  return pin;
}

/** What an agreement does on paper: the subscriber learns the root's digest from the publisher, not from the exchange. */
export async function pinFor(subscribers: Profile[], hotline: Profile): Promise<void> {
  const pin = (await readPins(hotline.dir))[SEED_PUBLISHER];
  if (!pin) throw new Error(`${SEED_PUBLISHER} has no root to pin.`);
  for (const { dir } of subscribers) await writePin(dir, SEED_PUBLISHER, pin);
}
