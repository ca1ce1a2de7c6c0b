/** What a pause, a flood or an undo is about: one entry, the entries of some releases, or all of a publisher. */

import { parseEntryId, parsePublisher, parseSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";

const SetText = z.string().max(320);
export const Target = z.discriminatedUnion("scope", [
  z.strictObject({ scope: z.literal("entry"), set: SetText, entry: z.string().length(32) }),
  z.strictObject({
    scope: z.literal("release"),
    set: SetText,
    from: z.int().positive(),
    to: z.int().positive(),
  }),
  z.strictObject({ scope: z.literal("publisher"), publisher: z.string().max(253) }),
]);
export type Target = z.infer<typeof Target>;

/**
 * Which release put an entry there, as the verified copy knows it.
 *
 * @property earliest - set when it came with a snapshot: put by `release` or by one before it, from this number on
 */
export type Origin = { release: number; earliest?: number };

export type Targeted = { set: string; publisher: string; entry: string; origin: Origin };

/** In doubt about the release an entry is covered: what might be wrong is not acted on. */
export function targetCovers(target: Target, hit: Targeted): boolean {
  if (target.scope === "publisher") return target.publisher === hit.publisher;
  if (target.set !== hit.set) return false;
  if (target.scope === "entry") return target.entry === hit.entry;
  return (hit.origin.earliest ?? hit.origin.release) <= target.to && hit.origin.release >= target.from;
}

/** The same target has the same text. */
export function formatTarget(target: Target): string {
  if (target.scope === "publisher") return target.publisher;
  if (target.scope === "entry") return `${target.set}#${target.entry}`;
  return `${target.set}@${target.from === target.to ? target.from : `${target.from}-${target.to}`}`;
}

/** `publisher/set#id`. @throws ExchangeError `id_invalid` */
export function parseEntryTarget(text: string): Target {
  const [set, entry, ...rest] = text.split("#");
  if (rest.length > 0 || entry === undefined) throw new ExchangeError("id_invalid", { expected: "publisher/set#id" });
  return { scope: "entry", set: setText(set), entry: parseEntryId(entry) };
}

/** `publisher/set@417` or `publisher/set@417-420`. @throws ExchangeError `id_invalid` */
export function parseReleaseTarget(text: string): Target {
  const [set, range, ...rest] = text.split("@");
  const found = /^([1-9]\d{0,9})(?:-([1-9]\d{0,9}))?$/.exec(range ?? "");
  const from = Number(found?.[1]);
  const to = Number(found?.[2] ?? found?.[1]);
  if (rest.length > 0 || !(from <= to)) throw new ExchangeError("id_invalid", { expected: "publisher/set@release" });
  return { scope: "release", set: setText(set), from, to };
}

/** @throws ExchangeError `id_invalid` */
export function parsePublisherTarget(text: string): Target {
  return { scope: "publisher", publisher: parsePublisher(text) };
}

function setText(text: string | undefined): string {
  const { publisher, set } = parseSetId(text ?? "");
  return `${publisher}/${set}`;
}
