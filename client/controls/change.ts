/** How a person's decisions change the controls: each takes what was and says what is. Pure. */

import type { MatchAction } from "@breakwater/shared/wire/match.ts";
import type { ControlsFile, SetMode } from "./controls.ts";
import { formatTarget, type Target } from "./target.ts";

/** After a resume a guard learns for a day what is normal now. */
export const QUIET_MS = 24 * 60 * 60 * 1000;
const RANK: Record<MatchAction, number> = { observe: 0, review: 1, block: 2 };

export function isMore(act: MatchAction, than: MatchAction): boolean {
  return RANK[act] > RANK[than];
}

/**
 * @param ratio - the share of contents that get `act`; the others keep what all of them had before
 * @returns undefined for a share of something that is not more than what all have already
 */
export function withMode(
  before: ControlsFile,
  set: string,
  { act, ratio, now }: { act: MatchAction; ratio?: number; now: Date },
): ControlsFile | undefined {
  const held = Object.hasOwn(before.modes, set) ? before.modes[set] : undefined;
  const isPart = ratio !== undefined && ratio < 1;
  const rest = restOf(held);
  if (isPart && (!isMore(act, rest) || rest === "block")) return undefined;
  const mode: SetMode = { act, since: now.toISOString(), ...(isPart && rest !== "block" ? { ratio, rest } : {}) };
  return { ...before, modes: { ...before.modes, [set]: mode } };
}

/** What every content of the set gets at least. */
export function restOf(mode: SetMode | undefined): MatchAction {
  if (mode === undefined) return "observe";
  return mode.ratio === undefined ? mode.act : (mode.rest ?? "observe");
}

export function withPauses(
  before: ControlsFile,
  targets: readonly Target[],
  { act, until, now }: { act: "observe" | "review"; until?: Date; now: Date },
): ControlsFile {
  const named = new Set(targets.map(formatTarget));
  const kept = before.pauses.filter(({ target }) => !named.has(formatTarget(target)));
  const made = targets.map((target) => ({
    target,
    act,
    at: now.toISOString(),
    ...(until === undefined ? {} : { until: until.toISOString() }),
  }));
  return { ...withoutOver(before, now), pauses: [...kept, ...made] };
}

/** Ends pauses and floods of exactly these targets. */
export function withoutPauses(before: ControlsFile, targets: readonly Target[], now: Date): ControlsFile {
  const named = new Set(targets.map(formatTarget));
  const isNamed = ({ target }: { target: Target }) => named.has(formatTarget(target));
  const calmed = before.floods.filter(isNamed);
  const until = new Date(now.getTime() + QUIET_MS).toISOString();
  const after = withoutOver(before, now);
  return {
    ...after,
    pauses: after.pauses.filter((pause) => !isNamed(pause)),
    floods: before.floods.filter((flood) => !isNamed(flood)),
    quiet: [...after.quiet.filter((one) => !isNamed(one)), ...calmed.map(({ target }) => ({ target, until }))],
  };
}

/** Without what has run out. */
function withoutOver(before: ControlsFile, now: Date): ControlsFile {
  const runs = ({ until }: { until?: string | undefined }) => until === undefined || Date.parse(until) > now.getTime();
  return { ...before, pauses: before.pauses.filter(runs), quiet: before.quiet.filter(runs) };
}

export type Allowed = { entries?: readonly { set: string; entry: string }[]; contents?: readonly string[] };

/** @param contents - keyed digests */
export function withAllowed(before: ControlsFile, { entries = [], contents = [] }: Allowed, now: Date): ControlsFile {
  const at = now.toISOString();
  const without = withoutAllowed(before, { entries, contents });
  return {
    ...before,
    allowed: {
      entries: [...without.allowed.entries, ...entries.map(({ set, entry }) => ({ set, entry, at }))],
      contents: [...without.allowed.contents, ...[...new Set(contents)].map((digest) => ({ digest, at }))],
    },
  };
}

export function withoutAllowed(before: ControlsFile, { entries = [], contents = [] }: Allowed): ControlsFile {
  const named = new Set([...entries.map(({ set, entry }) => `${set}#${entry}`), ...contents]);
  return {
    ...before,
    allowed: {
      entries: before.allowed.entries.filter(({ set, entry }) => !named.has(`${set}#${entry}`)),
      contents: before.allowed.contents.filter(({ digest }) => !named.has(digest)),
    },
  };
}
