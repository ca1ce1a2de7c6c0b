/** The options that name what a pause, a resume or an undo is about. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseEntryTarget, parsePublisherTarget, parseReleaseTarget, type Target } from "../controls/target.ts";
import type { Command } from "./command.ts";

export type ScopeOptions = { entry?: string[]; release?: string[]; publisher?: string[] };

const collect = (value: string, before: string[] = []) => [...before, value];

export function withScopeOptions(command: Command): Command {
  return command
    .option("--entry <set#id>", "an entry, as publisher/set#id; may be repeated", collect)
    .option(
      "--release <set@n>",
      "what a release put, as publisher/set@417 or publisher/set@410-417; may be repeated",
      collect,
    )
    .option("--publisher <name>", "all of a publisher; may be repeated", collect);
}

export function parseScope({ entry = [], release = [], publisher = [] }: ScopeOptions): Target[] {
  return [...entry.map(parseEntryTarget), ...release.map(parseReleaseTarget), ...publisher.map(parsePublisherTarget)];
}

/** @throws ExchangeError `usage_invalid` when nothing is named */
export function needScope(options: ScopeOptions): Target[] {
  const targets = parseScope(options);
  if (targets.length === 0)
    throw new ExchangeError("usage_invalid", { reason: "entry_release_or_publisher_is_missing" });
  return targets;
}
