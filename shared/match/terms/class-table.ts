/** From 16-bit units to the automaton's columns: folding, look-alikes and what is skipped, all in one look. */

import { looseClass } from "./alike.ts";
import { CHARACTER, foldOf, KIND_MASK, kindOf, kindsOfAllUnits } from "./fold.ts";

export const UNITS = 0x1_0000;
/** The first columns: what no term has (0, as an empty table says) and what is passed over. */
export const SKIP = 1;
export const FIRST_SYMBOL = 2;
/** A unit's column from here on is a list of characters to feed one after the other. */
export const LISTED = 0x8000;
/** Half of a pair, or one list more than the table has room for: looked up by code point. */
export const BY_CODE_POINT = 0xffff;
export const NONE = -1;
/** Characters outside the table whose classes are remembered; a text of all there are must not grow the matcher. */
const REMEMBERED_MAX = 16_384;

/** The columns of each class: one of its own, or two halves. */
export type Symbols = ReadonlyMap<number, readonly number[]>;

export type ClassTable = {
  table: Uint16Array;
  /** All lists one after the other, and where each begins. */
  parts: Int32Array;
  starts: Int32Array;
  /** undefined: skipped */
  byCodePoint: (codePoint: number) => Int32Array | undefined;
};

const isSurrogate = (codePoint: number) => codePoint >= 0xd800 && codePoint <= 0xdfff;

export function classTable(symbolsOf: Symbols): ClassTable {
  const { table: plain, unitsOf, several } = classesOfAllUnits();
  const table = plain.slice();
  const lists: Int32Array[] = [];
  const giveList = (unit: number, classes: readonly number[]) => {
    table[unit] = Math.min(LISTED + lists.length, BY_CODE_POINT);
    lists.push(listOf(classes, symbolsOf));
  };
  for (const [own, symbols] of symbolsOf) {
    for (const unit of unitsOf.get(own) ?? []) {
      if (symbols.length === 1) table[unit] = symbols[0] as number;
      else giveList(unit, [own]);
    }
  }
  for (const { unit, classes } of several) if (classes.some((own) => symbolsOf.has(own))) giveList(unit, classes);
  const remembered = new Map<number, Int32Array | undefined>();
  const byCodePoint = (codePoint: number) => {
    if (remembered.has(codePoint)) return remembered.get(codePoint);
    const isSkipped = (kindOf(codePoint) & KIND_MASK) !== CHARACTER;
    const list = isSkipped ? undefined : listOf(classesOf(codePoint), symbolsOf);
    if (remembered.size < REMEMBERED_MAX) remembered.set(codePoint, list);
    return list;
  };
  const starts = new Int32Array(lists.length + 1);
  for (const [at, list] of lists.entries()) starts[at + 1] = (starts[at] as number) + list.length;
  const parts = new Int32Array(starts.at(-1) as number);
  for (const [at, list] of lists.entries()) parts.set(list, starts[at]);
  return { table, parts, starts, byCodePoint };
}

type UnitClasses = {
  /** What holds whatever the terms are: skipped units, halves of pairs. */
  table: Uint16Array;
  unitsOf: Map<number, number[]>;
  several: { unit: number; classes: number[] }[];
};
let unitClasses: UnitClasses | undefined;

/** The class of each unit, the same for all terms: worked out once a process. */
function classesOfAllUnits(): UnitClasses {
  if (unitClasses !== undefined) return unitClasses;
  const kinds = kindsOfAllUnits();
  const table = new Uint16Array(UNITS);
  const unitsOf = new Map<number, number[]>();
  const several: UnitClasses["several"] = [];
  for (let unit = 0; unit < UNITS; unit++) {
    if (((kinds[unit] as number) & KIND_MASK) !== CHARACTER) table[unit] = SKIP;
    else if (isSurrogate(unit)) table[unit] = BY_CODE_POINT;
    else {
      const classes = classesOf(unit);
      const units = unitsOf.get(classes[0] as number);
      if (classes.length > 1) several.push({ unit, classes });
      else if (units === undefined) unitsOf.set(classes[0] as number, [unit]);
      else units.push(unit);
    }
  }
  unitClasses = { table, unitsOf, several };
  return unitClasses;
}

function classesOf(codePoint: number): number[] {
  return [...foldOf(codePoint)].map((part) => looseClass(part.codePointAt(0) as number));
}

function listOf(classes: readonly number[], symbolsOf: Symbols): Int32Array {
  return Int32Array.from(
    classes.flatMap((own) => {
      const symbols = symbolsOf.get(own);
      return [own, symbols?.[0] ?? NONE, symbols?.[1] ?? NONE];
    }),
  );
}
