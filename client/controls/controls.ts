/** What people at this member, and its guards, have decided about hits: the file's form, and the same ready to be asked. */

import { createHmac } from "node:crypto";
import { MatchAction } from "@breakwater/shared/wire/match.ts";
import { z } from "zod";
import { formatTarget, Target, type Targeted, targetCovers } from "./target.ts";

const At = z.iso.datetime();
/** Of entries and of contents together; a longer list is a dispute with the publisher, not an exception. */
export const ALLOWED_MAX = 10_000;
export const PAUSES_MAX = 10_000;
export const FLOODS_MAX = 10_000;

/**
 * What a set's hits lead to here. A staged roll-out gives `act` to a share of contents and `rest`, what held before, to the
 * others.
 */
export const SetMode = z.strictObject({
  act: MatchAction,
  ratio: z.number().gt(0).max(1).optional(),
  rest: z.enum(["observe", "review"]).optional(),
  since: At,
});
export type SetMode = z.infer<typeof SetMode>;

export const Pause = z.strictObject({
  target: Target,
  /** What hits lead to at most while it lasts. */
  act: z.enum(["observe", "review"]),
  at: At,
  until: At.optional(),
});
export type Pause = z.infer<typeof Pause>;

export const Flood = z.strictObject({
  target: Target,
  /** Of the hit that tripped it: the exchange is told by set. */
  set: z.string(),
  at: At,
  /** Hits in the window, and how many the target's own past made likely. */
  count: z.int().positive(),
  expected: z.number().nonnegative(),
});
export type Flood = z.infer<typeof Flood>;

/** After a person has resumed a target its guard learns the new normal before it may trip again. */
const Quiet = z.strictObject({ target: Target, until: At });

export const ControlsFile = z.strictObject({
  v: z.literal(1),
  modes: z.record(z.string(), SetMode),
  pauses: z.array(Pause).max(PAUSES_MAX),
  allowed: z.strictObject({
    entries: z.array(z.strictObject({ set: z.string(), entry: z.string(), at: At })).max(ALLOWED_MAX),
    /** Keyed digests of the caller's own content: nobody reads a listed signal out of this file. */
    contents: z.array(z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/), at: At })).max(ALLOWED_MAX),
  }),
  floods: z.array(Flood).max(FLOODS_MAX),
  quiet: z.array(Quiet).max(FLOODS_MAX),
});
export type ControlsFile = z.infer<typeof ControlsFile>;

export const NO_CONTROLS: ControlsFile = {
  v: 1,
  modes: {},
  pauses: [],
  allowed: { entries: [], contents: [] },
  floods: [],
  quiet: [],
};

/** The controls at one moment; nothing in it changes. */
export type Controls = {
  /** False: there is a file and it cannot be read. Nothing blocks then, whatever it said. */
  readable: boolean;
  file: ControlsFile;
  modeOf(set: string): SetMode | undefined;
  findPause(hit: Targeted, now: Date): Pause | undefined;
  findFlood(hit: Targeted): Flood | undefined;
  /** @param target - as formatTarget writes it */
  isQuiet(target: string, now: Date): boolean;
  /** @param digests - `alg:hex` of the content, as the caller computed or sent them */
  isAllowed(hit: Targeted, digests: readonly string[]): boolean;
};

/** @param key - of the digests of contents; undefined while none was ever allowed */
export function makeControls(file: ControlsFile, key: Uint8Array | undefined, readable = true): Controls {
  const pauses = lookUp(file.pauses);
  const floods = lookUp(file.floods);
  const quiet = new Map(file.quiet.map(({ target, until }) => [formatTarget(target), Date.parse(until)]));
  const entries = new Set(file.allowed.entries.map(({ set, entry }) => `${set}#${entry}`));
  const contents = new Set(file.allowed.contents.map(({ digest }) => digest));
  return {
    readable,
    file,
    modeOf: (set) => (Object.hasOwn(file.modes, set) ? file.modes[set] : undefined),
    findPause(hit, now) {
      const running = pauses(hit).filter(({ until }) => until === undefined || now.getTime() < Date.parse(until));
      return running.find(({ act }) => act === "observe") ?? running[0];
    },
    findFlood: (hit) => floods(hit)[0],
    isQuiet: (target, now) => now.getTime() < (quiet.get(target) ?? 0),
    isAllowed(hit, digests) {
      if (entries.size > 0 && entries.has(`${hit.set}#${hit.entry}`)) return true;
      return (
        key !== undefined && contents.size > 0 && digests.some((digest) => contents.has(allowedDigest(key, digest)))
      );
    },
  };
}

/** Stands for controls that are there and cannot be read. */
export const UNREADABLE_CONTROLS: Controls = makeControls(NO_CONTROLS, undefined, false);

/** @param digest - `alg:hex` */
export function allowedDigest(key: Uint8Array, digest: string): string {
  return createHmac("sha256", key).update(digest).digest("hex");
}

/** Entries by their address, since there may be thousands; releases and publishers one by one, since there are few. */
function lookUp<Row extends { target: Target }>(rows: readonly Row[]): (hit: Targeted) => Row[] {
  const byEntry = new Map<string, Row[]>();
  const wide: Row[] = [];
  for (const row of rows) {
    if (row.target.scope !== "entry") wide.push(row);
    else {
      const key = `${row.target.set}#${row.target.entry}`;
      byEntry.set(key, [...(byEntry.get(key) ?? []), row]);
    }
  }
  const none: Row[] = [];
  return (hit) => {
    const named = byEntry.size === 0 ? none : (byEntry.get(`${hit.set}#${hit.entry}`) ?? none);
    return wide.length === 0 ? named : [...named, ...wide.filter(({ target }) => targetCovers(target, hit))];
  };
}
