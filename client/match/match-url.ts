/** An address against address sets: itself, the paths above it, its host and the hosts above that. */

import { createHash } from "node:crypto";
import { urlKeys } from "@breakwater/shared/match/urls/keys.ts";
import { type Asked, addFound, askEach } from "./asked.ts";
import type { OpenSet } from "./open-set.ts";

/** @throws ExchangeError `url_invalid` with a reason, never with the address */
export function matchUrl(sets: readonly OpenSet[], text: string, asked: Asked): void {
  const { candidates } = urlKeys(text, (bytes) => createHash("sha256").update(bytes).digest());
  askEach(sets, asked, "url", (opened) => {
    for (const { scope, key } of candidates) {
      for (const part of opened.parts) {
        for (const row of part.findExact("url", key))
          addFound(opened, asked, { row, level: "act", how: { scope }, distance: 0 });
      }
    }
  });
}
