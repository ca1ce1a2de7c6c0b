/** Publishing: lists, releases, withdrawals, the first root. */

export { type ListFormat, type ParsedList, parseList, type RowFault } from "./list.ts";
export type { PublisherContext } from "./own-set.ts";
export { type Published, publishList, RowsInvalid } from "./publish.ts";
export { createRoot, type MadeRoot } from "./root.ts";
export { withdrawEntries } from "./withdraw.ts";
