/** The other entries of what a few entries stand for: one picture is listed by several hashes, and taking one back leaves the others. */

import type { CopyRows } from "../sync/index.ts";

const MEMBER = '"item":"';

/** @returns ids, sorted; none of those given */
export async function findSameItem(
  copy: Pick<CopyRows, "findRow" | "lineAt" | "rows">,
  ids: ReadonlySet<string>,
): Promise<string[]> {
  const items = new Set<string>();
  for (const id of ids) {
    const row = copy.findRow(id);
    const item = row === undefined ? undefined : itemOf(copy.lineAt(row));
    if (item !== undefined) items.add(item);
  }
  const others: string[] = [];
  if (items.size === 0) return others;
  for await (const { id, line } of copy.rows()) {
    const item = itemOf(line);
    if (item !== undefined && items.has(item) && !ids.has(id)) others.push(id);
  }
  return others;
}

// By position: an unescaped quote stands in no JSON string, so these characters are the member itself.
function itemOf(line: string): string | undefined {
  const at = line.indexOf(MEMBER);
  return at < 0 ? undefined : line.slice(at + MEMBER.length, line.indexOf('"', at + MEMBER.length));
}
