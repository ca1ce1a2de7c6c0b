/** Who may ask a daemon: anybody on this machine, or whoever holds the token of its file. */

import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { readPrivateFile } from "../profile/private-files.ts";
import { TOKEN_MIN_CHARS } from "./limits.ts";

export type Token = { matches(header: string | undefined): boolean };

/** @throws ExchangeError `config_invalid`: a missing, short or readable-by-others token is no protection */
export async function readToken(path: string): Promise<Token> {
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) throw new ExchangeError("config_invalid", { reason: "token_missing" });
  const text = new TextDecoder().decode(bytes).trim();
  if (text.length < TOKEN_MIN_CHARS || /\s/.test(text)) {
    throw new ExchangeError("config_invalid", { reason: "token_form", min_chars: TOKEN_MIN_CHARS });
  }
  const expected = sha256(text);
  return {
    matches(header) {
      const given = /^Bearer ([^\s]+)$/i.exec(header ?? "")?.[1];
      // Digests have one length, so the comparison says nothing about how much of a guess was right.
      return given !== undefined && timingSafeEqual(sha256(given), expected);
    },
  };
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/** `host:port`, `[v6]:port` or a port alone. @throws ExchangeError `config_invalid` */
export function parseListen(text: string): { host: string; port: number } {
  const found = /^(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(text);
  const port = Number(found?.[2]);
  if (found === null || port > 65_535) throw new ExchangeError("config_invalid", { reason: "listen_form" });
  return { host: (found[1] ?? "127.0.0.1").replace(/^\[|\]$/g, ""), port };
}

/**
 * A page in a browser on this machine can send requests here too: by a name of its own that resolves to loopback, or
 * from its own origin. Neither is a service of this machine.
 *
 * @throws ExchangeError `origin_mismatch`
 */
export function refuseBrowsers(
  headers: { host?: string | undefined; origin?: string | undefined },
  bound: string,
): void {
  if (headers.origin !== undefined) throw new ExchangeError("origin_mismatch");
  if (!isLoopback(bound)) return;
  const name = (headers.host ?? "").replace(/:\d+$/, "");
  if (name !== "" && !isLoopback(name)) throw new ExchangeError("origin_mismatch", { reason: "host" });
}
