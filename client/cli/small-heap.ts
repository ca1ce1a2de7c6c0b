/** For commands that stream: what they make is forgotten at once, and need not pile up first. */

import { setFlagsFromString } from "node:v8";

/**
 * Keeps the young generation as large as it is. By default it grows to 48 MiB and more under a stream of short-lived
 * texts, which costs memory and saves no time (measured at 200,000 rows: 171 MB instead of 217 MB, the same seconds).
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
