/** Columns of a CSV list: the same for what is read here and what an exchange's feed writes. */

export { COLUMNS, type Columns, readCell, setMember, writeCell } from "@breakwater/shared/lists/columns.ts";
