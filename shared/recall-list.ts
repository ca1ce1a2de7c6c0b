/** The list of a recall whose ids do not fit into its statement: one gzip member of NDJSON, a salted header, then ids. */

import { z } from "zod";
import { type Bytes, type Digest, digestOf, findUtf8, utf8Of } from "./bytes.ts";
import { gunzipExactly, gzip } from "./gzip.ts";
import { EntryId, Publisher, SetName } from "./ids.ts";
import { jcs, parseJcsText } from "./jcs.ts";
import { ExchangeError } from "./problem.ts";
import { Counter, closed, type ObjectOf, open, type ParseOptions, parseWith } from "./schema.ts";

/** One recall names at most this many entries; a worse batch is recalled by its releases, or by several recalls. */
export const RECALL_LIST_MAX_IDS = 65_536;
const HEADER_MAX_BYTES = 1024;
/** An id as a JSON string and its LF. */
const ID_LINE_BYTES = 35;
export const RECALL_LIST_MAX_PLAIN_BYTES = HEADER_MAX_BYTES + RECALL_LIST_MAX_IDS * ID_LINE_BYTES;
/** As stored: random digits shrink, and if they do not, gzip adds a few bytes a block. */
export const RECALL_LIST_MAX_BYTES = RECALL_LIST_MAX_PLAIN_BYTES + 16 * 1024;

function headerSchema(object: ObjectOf) {
  return object({
    kind: z.literal("recall"),
    publisher: Publisher,
    recall: Counter,
    // As in a segment: once the list is destroyed, its digest tells nobody which ids it held.
    salt: z.string().regex(/^[0-9a-f]{64}$/),
    set: SetName,
    v: z.literal(1),
  });
}

export const RecallListHeader = headerSchema(closed);
export type RecallListHeader = z.output<typeof RecallListHeader>;
const TolerantHeader = headerSchema(open);

export type RecallListRef = { digest: Digest; size: number; plain: number };
/** What a list must say about itself. */
export type RecallListPlace = Pick<RecallListHeader, "publisher" | "recall" | "set">;

/** @param ids - any order; written sorted, each once. @throws ExchangeError `recall_list` */
export async function encodeRecallList(
  place: RecallListPlace,
  ids: Iterable<string>,
  salt: string,
): Promise<RecallListRef & { bytes: Bytes }> {
  const { publisher, recall, set } = place;
  const header = parseWith(RecallListHeader, { kind: "recall", publisher, recall, salt, set, v: 1 }, "recall_list");
  const sorted = [...new Set(ids)].sort();
  checkIds(sorted);
  const plainBytes = utf8Of(`${[jcs(header), ...sorted.map((id) => jcs(id))].join("\n")}\n`);
  const bytes = await gzip(plainBytes);
  return { bytes, digest: await digestOf(bytes), size: bytes.length, plain: plainBytes.length };
}

/**
 * The ids of a list blob: digest first, then exactly one bounded gzip member, then the header, then the ids.
 *
 * @param ref - from the verified statement
 * @param place - the statement's own names and number
 * @throws ExchangeError `recall_list`, and of the gzip `segment_size`, `segment_gzip`
 */
export async function decodeRecallList(
  bytes: Uint8Array,
  ref: RecallListRef,
  place: RecallListPlace,
  { strict = true }: ParseOptions = {},
): Promise<string[]> {
  if (bytes.length !== ref.size || bytes.length > RECALL_LIST_MAX_BYTES) refuse("size");
  if (!Number.isSafeInteger(ref.plain) || ref.plain < 1 || ref.plain > RECALL_LIST_MAX_PLAIN_BYTES) refuse("plain");
  if ((await digestOf(bytes)) !== ref.digest) refuse("digest");
  const text = findUtf8(await gunzipExactly(bytes, ref.plain));
  if (text === undefined || !text.endsWith("\n")) refuse("text");
  const [first = "", ...lines] = text.slice(0, -1).split("\n");
  if (first.length > HEADER_MAX_BYTES) refuse("header");
  const header = parseWith(strict ? RecallListHeader : TolerantHeader, parseLine(first), "recall_list");
  for (const member of ["publisher", "recall", "set"] as const) {
    // A list of another recall with a right digest is still the wrong list.
    if (header[member] !== place[member]) throw new ExchangeError("recall_list", { path: `/${member}` });
  }
  const ids = lines.map(idOf);
  checkIds(ids);
  return ids;
}

function checkIds(ids: readonly string[]): void {
  if (ids.length === 0 || ids.length > RECALL_LIST_MAX_IDS) refuse("count");
  ids.forEach((id, i) => {
    if (!EntryId.safeParse(id).success) refuse("id");
    if (i > 0 && (ids[i - 1] as string) >= id) refuse("order");
  });
}

// By position: a line is a quoted id and nothing else, so its one spelling needs no parser.
function idOf(line: string): string {
  if (line.length !== ID_LINE_BYTES - 1 || !line.startsWith('"') || !line.endsWith('"')) refuse("line");
  return line.slice(1, -1);
}

function parseLine(line: string): unknown {
  try {
    return parseJcsText(line);
  } catch {
    return refuse("header");
  }
}

function refuse(reason: string): never {
  throw new ExchangeError("recall_list", { reason });
}
