/** Our vectors before the second verifier: what a stranger makes of the same bytes by docs/protocol.md. */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasPython, judgeVectors } from "./python-verifier.ts";

const VECTORS = join(import.meta.dirname, "../../shared/vectors");

/** It verifies as a subscriber does, and one set: this is where it says something else, and why. */
const OTHERWISE: Record<string, [says: string, why: string]> = {
  "log-vkey/ok-witness": ["key_invalid", "it wants a log's key, and a witness's is none"],
  "root/refused-other-member": ["ok", "a subscriber ignores members that it does not know"],
  "segment/refused-header-with-another-member": ["ok", "a subscriber ignores members that it does not know"],
  "segment/ok-line-of-16-kib": ["jcs_invalid", "it reads the lines too, and this one holds no entry"],
  "state/refused-an-id-twice": ["ok", "it looks at the order where it reads segments"],
  "state/refused-not-sorted": ["ok", "it looks at the order where it reads segments"],
  "state/refused-line-without-an-id": ["document_invalid", "it looks at entries where it reads segments"],
};

describe.skipIf(!hasPython())("the vectors before a verifier written from docs/protocol.md", () => {
  it("are taken and refused as here, each by the same code", async () => {
    const outcomes = await judgeVectors(VECTORS);
    const expected = Object.fromEntries(
      Object.keys(outcomes).map((name) => {
        const { expect: code } = JSON.parse(readFileSync(join(VECTORS, `${name}.json`), "utf8")) as { expect: string };
        return [name, OTHERWISE[name]?.[0] ?? code];
      }),
    );
    expect(outcomes).toEqual(expected);
    for (const name of Object.keys(OTHERWISE)) expect(Object.keys(outcomes)).toContain(name);
  });

  it("are all there, of every format that it knows", async () => {
    const judged = Object.keys(await judgeVectors(VECTORS));
    for (const format of new Set(judged.map((name) => name.split("/")[0] as string))) {
      const files = globSync(`${format}/*.json`, { cwd: VECTORS }).map((path) => path.replace(/\.json$/, ""));
      expect(judged.filter((name) => name.startsWith(`${format}/`)).sort()).toEqual(files.sort());
    }
    expect(judged.length).toBeGreaterThan(200);
  });
});
