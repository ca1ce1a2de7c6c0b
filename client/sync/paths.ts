/** Where a verified copy and what proves it lie below the state folder. */

import { join } from "node:path";
import type { SetId } from "@breakwater/shared/ids.ts";

export function setDir(stateDir: string, { publisher, set }: SetId): string {
  return join(stateDir, "sets", publisher, set);
}

export function blobsDir(dir: string): string {
  return join(dir, "blobs");
}

export function rootsDir(stateDir: string, publisher: string): string {
  return join(stateDir, "publishers", publisher);
}

/** Two statements that cannot both be honest are kept here: they prove what happened. */
export function evidenceDir(dir: string): string {
  return join(dir, "evidence");
}

/** What is known of the log of an exchange, by the exchange's own address. */
export function logDir(stateDir: string, exchange: string): string {
  return join(stateDir, "logs", new URL(exchange).host.replaceAll(/[^\w.-]/g, "_"));
}
