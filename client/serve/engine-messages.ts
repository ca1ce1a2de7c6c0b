/** What the thread that speaks HTTP and the thread that matches say to each other. */

import type { Health, MatchAction } from "@breakwater/shared/wire/match.ts";
import type { Refreshed } from "../match/index.ts";

export type EngineData = { stateDir: string; profileDir: string };

/** What a batch came to, for the metrics: counts by set, action and code, never by entry or content. */
export type Tally = {
  items: { hashes: number; text: number; url: number };
  hits: { set: string; action: MatchAction; count: number }[];
  problems: Record<string, number>;
  notCompared: Record<string, number>;
  ledgerFailures: number;
};

export type ToEngine =
  | { id: number; ask: "match"; body: Uint8Array<ArrayBuffer> }
  | { id: number; ask: "media"; body: Uint8Array<ArrayBuffer>; ref?: string; country?: string }
  | { id: number; ask: "refresh" }
  | { id: number; ask: "standing"; maxAgeSeconds: number }
  | { id: number; ask: "close" };

export type Standing = {
  ready: boolean;
  health: Health;
  acting: { floods: number; controlsReadable: boolean; dropped: number };
};

/** @property problem - a code and its detail, as ExchangeError has them: errors lose their class on the way */
export type FromEngine =
  | { event: "ready" }
  | { event: "told"; fact: object }
  | { id: number; body: string; tally: Tally }
  | { id: number; refreshed: Refreshed }
  | { id: number; standing: Standing }
  | { id: number; closed: true }
  | { id: number; problem: { code: string; detail: Record<string, unknown> } };
