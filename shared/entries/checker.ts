/** Entry lines by the million: the strict verdict of `parseEntry`, asked once for each shape that lines have. */

import { sha256 } from "@noble/hashes/sha2.js";
import { type Bytes, utf8Of } from "../bytes.ts";
import { type Change, parseDeltaLine } from "../delta.ts";
import type { SetKind } from "../vocab/sets.ts";
import { type EntryByKind, naturalKey, parseEntry } from "./index.ts";
import { KEYS_BY_KIND, MASKS_BY_KIND, type Mask } from "./masks.ts";
import { createTemplates, type Region, type Template } from "./templates.ts";

/** Shapes remembered; a list with more of them only loses the advantage. */
export const SHAPES_MAX = 2048;

const PUT_MEMBER = '"op":"put",';
// Stands in no JSON text unescaped, so a shape cannot be confused with a line.
const MASKED = "\u0000";

export type CheckedLine<Kind extends SetKind> = {
  id: string;
  line: string;
  /** What `naturalKey` gives for the entry. */
  key: string;
  /**
   * The line's entry, or one that differs from it only in what {@link MASKS_BY_KIND} names (id, value, quality, dates, …).
   * The same object for every line of one shape, so what follows from the other members can be remembered by it.
   */
  like: EntryByKind[Kind];
  /** Where a delta's line has `"op":"put",`. */
  putAt: number;
};

export type CheckedChange<Kind extends SetKind> = ({ op: "put" } & CheckedLine<Kind>) | Extract<Change, { op: "del" }>;

export type EntryChecker<Kind extends SetKind> = {
  /** @throws ExchangeError exactly what strict `parseEntry` throws for the line */
  check(line: string): CheckedLine<Kind>;
  /** A delta's line. @throws ExchangeError exactly what strict `parseDeltaLine` and then `parseEntry` throw */
  checkChange(text: string): CheckedChange<Kind>;
  /** A checked line as a delta's line, as `formatDeltaLine` writes it. */
  formatPut(checked: Pick<CheckedLine<Kind>, "line" | "putAt">): string;
};

type Shape<Kind extends SetKind> = {
  like: EntryByKind[Kind];
  /** How many masked values stand before where `op` goes, and how many characters after the last of them it goes. */
  putAfter: number;
  putBeyond: number;
};

/**
 * Accepts by shape, refuses by the schema: a line is accepted early only when its shape was accepted whole once and each
 * masked value fits its own form; whatever is not accepted so is judged by `parseEntry` itself.
 *
 * Masked values hold no quote, backslash or control character, so swapping one for another moves no other token of the
 * JSON text; and no rule of a schema ties them to anything but what the mask looks at (property test).
 */
export function createEntryChecker<Kind extends SetKind>(kind: Kind): EntryChecker<Kind> {
  const masks = MASKS_BY_KIND[kind];
  const keyed = KEYS_BY_KIND[kind] as NonNullable<(typeof KEYS_BY_KIND)[Kind]> | undefined;
  const shapes = new Map<string, Shape<Kind>>();
  const entryLines = createTemplates<Shape<Kind>>();
  const deltaLines = createTemplates<Shape<Kind>>();
  const values: (string | undefined)[] = masks.map(() => undefined);
  const masked = (mask: number) => values[mask];
  let regions: Region[] = [];

  function fits(like: EntryByKind[Kind]): boolean {
    for (let m = 0; m < masks.length; m++) {
      const value = values[m];
      if (value !== undefined && !(masks[m] as Mask).fits(value, like as never)) return false;
    }
    return true;
  }

  /** Finds the masked values and gives the rest of the line; undefined when the line is not of the usual form. */
  function maskLine(line: string): string | undefined {
    let rest = "";
    let from = 0;
    regions = [];
    for (const [m, mask] of masks.entries()) {
      values[m] = undefined;
      const start = findValue(line, mask, from);
      if (start < 0) continue;
      const end = endOfValue(line, mask, start);
      if (end <= start) return undefined;
      rest += line.slice(from, start) + MASKED;
      values[m] = line.slice(start, end);
      regions.push({ mask: m, start, end });
      from = end;
    }
    return rest + line.slice(from);
  }

  function take(template: Template<Shape<Kind>>, text: string): boolean {
    values.fill(undefined);
    for (const { mask, start, end } of template.regions) values[mask] = text.slice(start, end);
    return fits(template.shape.like);
  }

  function checked(line: string, { like }: Shape<Kind>, putAt: number): CheckedLine<Kind> {
    const { id, key } = (keyed as NonNullable<typeof keyed>)(like, masked);
    return { id, line, key, like, putAt };
  }

  function shapeOf(line: string, like: EntryByKind[Kind]): Shape<Kind> {
    const at = findPutAt(line, like);
    const before = regions.filter(({ end }) => end <= at);
    return { like, putAfter: before.length, putBeyond: at - (before.at(-1)?.end ?? 0) };
  }

  function putAtOf({ putAfter, putBeyond }: Shape<Kind>): number {
    return (regions[putAfter - 1]?.end ?? 0) + putBeyond;
  }

  function judge(line: string, rest: string | undefined): CheckedLine<Kind> {
    const like = parseEntry(kind, line);
    if (rest !== undefined && fits(like)) {
      if (shapes.size >= SHAPES_MAX) shapes.clear();
      shapes.set(rest, shapeOf(line, like));
    }
    return { id: like.id, line, key: naturalKey(kind, like), like, putAt: findPutAt(line, like) };
  }

  function check(line: string): CheckedLine<Kind> {
    if (keyed === undefined) return judge(line, undefined);
    const template = entryLines.find(line, take);
    if (template !== undefined) return checked(line, template.shape, template.putAt);
    const rest = maskLine(line);
    const shape = rest === undefined ? undefined : shapes.get(rest);
    if (shape === undefined || !fits(shape.like)) return judge(line, rest);
    const putAt = putAtOf(shape);
    entryLines.add(line, { shape, putAt, regions });
    return checked(line, shape, putAt);
  }

  function findPut(text: string): CheckedLine<Kind> | undefined {
    const template = deltaLines.find(text, take);
    if (template !== undefined) return checked(without(text, template.putAt), template.shape, template.putAt);
    const at = text.indexOf(PUT_MEMBER);
    if (at <= 0) return undefined;
    const line = without(text, at);
    const rest = maskLine(line);
    const shape = rest === undefined ? undefined : shapes.get(rest);
    // Elsewhere than where it sorts to, the member is nested or the text not canonical.
    if (shape === undefined || putAtOf(shape) !== at || !fits(shape.like)) return undefined;
    const moved = regions.map((region) => (region.end <= at ? region : shift(region, PUT_MEMBER.length)));
    deltaLines.add(text, { shape, putAt: at, regions: moved });
    return checked(line, shape, at);
  }

  return {
    check,
    checkChange(text) {
      const put = keyed === undefined ? undefined : findPut(text);
      if (put !== undefined) return { op: "put", ...put };
      const change = parseDeltaLine(text);
      return change.op === "del" ? change : { op: "put", ...check(change.line) };
    },
    formatPut: ({ line, putAt }) => `${line.slice(0, putAt)}${PUT_MEMBER}${line.slice(putAt)}`,
  };
}

function without(text: string, putAt: number): string {
  return text.slice(0, putAt) + text.slice(putAt + PUT_MEMBER.length);
}

function shift({ mask, start, end }: Region, by: number): Region {
  return { mask, start: start + by, end: end + by };
}

function findValue(line: string, { after, opening }: Mask, from: number): number {
  const search = after === undefined ? from : line.indexOf(after, from);
  if (search < 0) return -1;
  const at = line.indexOf(opening, search);
  return at < 0 ? -1 : at + opening.length;
}

function endOfValue(line: string, { quoted }: Mask, start: number): number {
  if (quoted) return line.indexOf('"', start);
  let end = start;
  for (let code = line.charCodeAt(end); code >= 0x30 && code <= 0x39; code = line.charCodeAt(end)) end++;
  return end;
}

/** Members are sorted, and every kind has `verification`: the first name after `op` is where `op` goes in. */
function findPutAt(line: string, entry: object): number {
  const next = Object.keys(entry)
    .filter((name) => name > "op" && (entry as Record<string, unknown>)[name] !== undefined)
    .sort()[0] as string;
  let [depth, at] = [0, 0];
  for (let i = 0; i < line.length; i++) {
    const char = line[i];
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else if (char === '"') {
      if (depth === 1 && line.startsWith(`"${next}":`, i)) at = i;
      if (at > 0) return at;
      i = endOfString(line, i);
    }
  }
  throw new RangeError("an entry's line without its members");
}

function endOfString(line: string, start: number): number {
  let i = start + 1;
  while (line[i] !== '"') i += line[i] === "\\" ? 2 : 1;
  return i;
}

/** What an index over entries holds in place of a natural key, which may be longer than an index takes. */
export function naturalKeyDigest(kind: SetKind, key: string): Bytes {
  // Not WebCrypto: its call costs twenty times what hashing so few bytes does.
  return sha256(utf8Of(`${kind}\n${key}`)) as Bytes;
}
