/** The double's log: real leaves, real bundles, a real signed checkpoint; and histories that a dishonest one would show. */

import { type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { generateSigningKey, type NewSigningKey } from "@breakwater/shared/keys.ts";
import {
  appendLeaves,
  EMPTY_FRONTIER,
  encodeBundle,
  formatVkey,
  leafHash,
  parseTilePath,
  rootOf,
  signCheckpoint,
  TILE_WIDTH,
  vkeyOf,
} from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { LogInfo } from "@breakwater/shared/wire/log.ts";

export const DOUBLE_LOG_ORIGIN = "exchange.example/log1";

export class DoubleLog {
  readonly origin: string;
  readonly key: NewSigningKey;
  /** What was accepted, in order; a dishonest log changes it as it likes. */
  leaves: Uint8Array[] = [];
  /** How many of them the checkpoint covers; undefined: all. */
  covers: number | undefined;
  /** In place of the honest checkpoint. */
  checkpoint: string | undefined;

  private constructor(key: NewSigningKey, origin: string) {
    this.key = key;
    this.origin = origin;
  }

  static async open(origin: string = DOUBLE_LOG_ORIGIN): Promise<DoubleLog> {
    return new DoubleLog(await generateSigningKey({ extractable: true }), origin);
  }

  get size(): number {
    return this.covers ?? this.leaves.length;
  }

  /** @returns the leaf's index */
  append(envelope: Uint8Array): number {
    return this.leaves.push(Uint8Array.from(envelope)) - 1;
  }

  info(exchange: string): LogInfo {
    const vkey = formatVkey(vkeyOf(this.origin, this.key.publicJwk));
    return LogInfo.parse({ url: `${exchange}/log`, origin: this.origin, vkey });
  }

  /** A checkpoint over any leaves, as this log would sign it. */
  sign(leaves: readonly Uint8Array[], changes: { size?: number; origin?: string } = {}): Promise<string> {
    const root = rootOf(appendLeaves(EMPTY_FRONTIER, leaves.map(leafHash)));
    const { origin = this.origin, size = leaves.length } = changes;
    const signer = { vkey: vkeyOf(this.origin, this.key.publicJwk), privateKey: this.key.privateKey };
    return signCheckpoint({ origin, size, root }, [signer]);
  }

  async readCheckpoint(): Promise<{ note: Uint8Array; etag: Digest }> {
    const text = this.checkpoint ?? (await this.sign(this.leaves.slice(0, this.size)));
    const note = new TextEncoder().encode(text);
    return { note, etag: await digestOf(note) };
  }

  readBundle(path: string): Uint8Array {
    const tile = parseTilePath(path);
    if (tile?.level !== "entries") throw new ExchangeError("not_found");
    const from = tile.index * TILE_WIDTH;
    const entries = this.leaves.slice(from, from + tile.width);
    if (entries.length < tile.width) throw new ExchangeError("not_found");
    return encodeBundle(entries);
  }
}
