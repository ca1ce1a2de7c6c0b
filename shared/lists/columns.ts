/** Cells of a CSV list as members of an entry, and back: dotted names for what is nested, `|` between list items. */

import type { SetKind } from "../vocab/sets.ts";

type Form = "text" | "number" | "boolean" | "list" | "json";
/** A column's name is the member's path; the order is that of an exported list. */
export type Columns = ReadonlyMap<string, Form>;

const VERIFICATION: [string, Form][] = [
  ["verification.level", "text"],
  ["verification.people", "number"],
  ["verification.on", "text"],
];
const CORE: [string, Form][] = [
  ...VERIFICATION,
  ["human_review", "text"],
  ["labels", "list"],
  ["origin", "text"],
  ["expires_at", "text"],
];

export const COLUMNS: Record<SetKind, Columns> = {
  hash: new Map<string, Form>([
    ["id", "text"],
    ["alg", "text"],
    ["value", "text"],
    ["quality", "number"],
    ["ambiguous_bits", "number"],
    ["media", "text"],
    ["act", "text"],
    ["age", "text"],
    ["production", "text"],
    ["category", "text"],
    ["requested_action", "text"],
    ["report_duty", "text"],
    ["source_fidelity", "text"],
    ["child_certainty", "text"],
    ["age_confirmed.by", "text"],
    ["age_confirmed.on", "text"],
    ["item", "text"],
    ["series", "text"],
    ["views", "json"],
    ...CORE,
  ]),
  term: new Map<string, Form>([
    ["id", "text"],
    ["text", "text"],
    ["digest.key", "text"],
    ["digest.value", "text"],
    ["language", "text"],
    ["match", "text"],
    ["context", "list"],
    ["category", "text"],
    ["action", "text"],
    ["ambiguity", "text"],
    ["innocent_meanings", "list"],
    ["requires_with", "list"],
    ["not_with", "list"],
    ["region", "list"],
    ["valid_from", "text"],
    ["valid_until", "text"],
    ...CORE,
  ]),
  url: new Map<string, Form>([
    ["id", "text"],
    ["url", "text"],
    ["url_digest", "text"],
    ["scope", "text"],
    ["role", "text"],
    ["category", "text"],
    ["status", "text"],
    ["requested_action", "text"],
    ...CORE,
  ]),
  indicator: new Map<string, Form>([
    ["id", "text"],
    ["key", "text"],
    ["title", "text"],
    ["text", "text"],
    ["behaviour", "text"],
    ["actor", "text"],
    ["target", "text"],
    ["phase", "text"],
    ["stages", "list"],
    ["surfaces", "list"],
    ["suggested_actions", "list"],
    ["may_be_victim", "boolean"],
    ["benign_explanations", "list"],
    ["confidence", "text"],
    ["languages", "list"],
    ["regions", "list"],
    ["window_hours", "number"],
    ["threshold_hint.count", "number"],
    ["threshold_hint.measure", "text"],
    ["related_entries", "list"],
    ["figures", "json"],
    ["valid_from", "text"],
    ["valid_until", "text"],
    ...CORE,
  ]),
};

const LIST_SEPARATOR = "|";

/**
 * A cell as the member's value; an empty cell is no member.
 *
 * What does not fit its form stays text, so that the entry's own schema refuses it and names the column.
 */
export function readCell(form: Form, cell: string): unknown {
  if (cell === "") return undefined;
  if (form === "number") return /^-?\d{1,15}$/.test(cell) ? Number(cell) : cell;
  if (form === "boolean") return cell === "true" ? true : cell === "false" ? false : cell;
  if (form === "list") return cell.split(LIST_SEPARATOR).map((item) => item.trim());
  if (form === "json") return readJson(cell);
  return cell;
}

function readJson(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return cell; // refused by the schema, with the column's name
  }
}

/** Sets a member by its dotted name. */
export function setMember(entry: Record<string, unknown>, name: string, value: unknown): void {
  const [outer, inner] = name.split(".") as [string, string | undefined];
  if (inner === undefined) entry[outer] = value;
  else entry[outer] = { ...(entry[outer] as object | undefined), [inner]: value };
}

export function writeCell(form: Form, entry: Record<string, unknown>, name: string): string {
  const [outer, inner] = name.split(".") as [string, string | undefined];
  const member = entry[outer];
  const value = inner === undefined ? member : (member as Record<string, unknown> | undefined)?.[inner];
  if (value === undefined) return "";
  if (form === "list") return (value as string[]).join(LIST_SEPARATOR);
  return form === "json" ? JSON.stringify(value) : String(value);
}
