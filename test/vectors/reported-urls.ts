/** Vectors of reported addresses: forty shapes that real reports have and that must pass, and what is no address. */

import { base64urlOf } from "../../shared/bytes.ts";
import { REPORTED_URL_MAX_LENGTH } from "../../shared/reported-url.ts";
import { PASSING } from "../../shared/testing/reported-addresses.ts";
import { runVector } from "../../shared/vectors/run.ts";
import { type NamedVector, vector } from "./named-vector.ts";

const URL_KEY = base64urlOf(new Uint8Array(32).fill(7));

const REFUSED: [title: string, url: string][] = [
  ["empty", "   "],
  ["data address", "data:image/png;base64,iVBORw0KGgo="],
  ["blob address", "blob:https://forum.example/0b9f1c7e"],
  ["script address", "javascript:alert(1)"],
  ["file address", "file:///pictures/a.jpg"],
  ["ftp address", "ftp://files.example/a.jpg"],
  ["extension address", "chrome-extension://abcdef/page.html"],
  ["without scheme", "forum.example/t/1042"],
  ["words", "the forum, third page"],
  ["host missing", "https:///t/1042"],
  ["longer than the limit", `https://forum.example/${"a".repeat(REPORTED_URL_MAX_LENGTH)}`],
];

export async function reportedUrlVectors(): Promise<NamedVector[]> {
  const passing = await Promise.all(
    PASSING.map(async ([title, url], at) => {
      const given = at === 0 ? { url, url_key: URL_KEY } : { url };
      const { gives } = await runVector({ format: "reported_url", title, given, expect: "ok" });
      return vector("reported_url", title, "ok", given, gives);
    }),
  );
  return [...passing, ...REFUSED.map(([title, url]) => vector("reported_url", title, "url_invalid", { url }))];
}
