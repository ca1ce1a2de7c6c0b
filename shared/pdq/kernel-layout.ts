/** What the PDQ kernel and its host both know of the kernel's memory. */

export const FLOAT_BYTES = 4;
/** Rows that go through the filters side by side. */
export const BAND_ROWS = 8;
export const BAND_COLUMN_BYTES = BAND_ROWS * FLOAT_BYTES;
/** Columns are taken four at a time: rows are as long as the next multiple of it. */
export const COLUMNS_TOGETHER = 4;
