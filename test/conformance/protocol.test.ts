/** The whole chain before a second verifier that was written from docs/protocol.md: what we serve is what the document says. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { readPins } from "@breakwater/client/profile/pins.ts";
import { runCommand } from "@breakwater/local/breakwater-command.ts";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { type Seeded, seed } from "@breakwater/local/seed.ts";
import { readLogInfo } from "@breakwater/local/welcome.ts";
import { LogOrigin } from "@breakwater/shared/ids.ts";
import type { LogInfo } from "@breakwater/shared/wire/log.ts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hasPython, type Verified, verifySet } from "./python-verifier.ts";
import { openRelay, type Relay } from "./relay.ts";

const PUBLISHER = "hotline.example";
const SET = `${PUBLISHER}/verified`;
const CHECKS = "checkpoint entries roots releases head manifest snapshot deltas count recalls proof".split(" ");
const LOOKS = 60;
/** The discard port: nothing listens there. */
const NOBODY = "http://127.0.0.1:9";
const utf8 = new TextEncoder();

describe.skipIf(!hasPython())("a verifier written from docs/protocol.md, in Python", () => {
  let home: string;
  let running: RunningExchange;
  let seeded: Seeded;
  let relay: Relay;
  let log: LogInfo;
  let pin: { version: number; digest: string };
  let ids: string[];

  const verify = (set = SET, changes: Partial<Parameters<typeof verifySet>[0]> = {}) => {
    const { apiKey } = seeded.profiles.company;
    return verifySet({ exchange: relay.url, apiKey, set, pin, log: { ...log, url: `${relay.url}/log` }, ...changes });
  };
  const read = async (path: string) => {
    const { apiKey } = seeded.profiles.company;
    const answer = await fetch(running.url + path, { headers: { authorization: `Bearer ${apiKey}` } });
    expect(answer.status).toBe(200);
    return answer;
  };
  const command = async (...args: string[]) => {
    const { code, err } = await runCommand(seeded.profiles.hotline.dir, args);
    expect(code, err).toBe(0);
  };

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "breakwater-protocol-"));
    chmodSync(home, 0o711);
    running = await startExchange({ home, durable: false });
    seeded = await seed({ home, exchange: running, say: () => {}, signal: new AbortController().signal });
    relay = await openRelay(running.url);
    log = await readLogInfo(running.url);
    pin = (await readPins(seeded.profiles.company.dir))[PUBLISHER] as typeof pin;
    const entries = await (await read(`/v1/sets/${SET}/entries.ndjson`)).text();
    ids = [...entries.matchAll(/"id":"([0-9a-f]{32})"/g)].map(([, id]) => id as string);
    // A life: a withdrawal, other root keys by both thresholds, a release by the new root, two recalls.
    await command("withdraw", "--set", "verified", "--entry", ids[0] as string, "--reason", "adult");
    await command("root", "rotate", "--add-root", "new", "--root-threshold", "2", "--yes", PUBLISHER);
    await command("withdraw", "--set", "verified", "--entry", ids[1] as string, "--reason", "adult");
    await command("recall", "verified", "--entry", ids[2] as string);
    const list = join(home, "ids.txt");
    writeFileSync(list, ids.slice(3, 5).join("\n"));
    await command("recall", "terms-en", "--release", "1", "--yes", "terms-en");
    await command("recall", "verified", "--file", list, "--yes", "verified");
    // The last of them is in a checkpoint about a second after it was accepted.
    for (let look = 0; look < LOOKS && (await verify()).says.includes("no checkpoint yet"); look++) await sleep(500);
  });

  afterEach(() => {
    relay.bend = () => undefined;
  });

  afterAll(async () => {
    await relay?.close();
    await running?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  describe("verifies", () => {
    it("every set, from the pinned root to the last entry", async () => {
      expect(seeded.sets.length).toBeGreaterThan(3);
      for (const { publisher, set } of seeded.sets) {
        const { accepts, says } = await verify(`${publisher}/${set}`);
        expect(accepts, says).toBe(true);
        expect(says.match(/(?<=^ok {2})\w+/gm), says).toEqual(CHECKS);
      }
    });

    it("a set that changed keys and content: a rotation, three releases, recalls of three entries", async () => {
      const { says } = await verify();
      expect(says).toContain(`${PUBLISHER}, version 1 as pinned, 2 the newest`);
      expect(says).toContain("3 in the order of the log, 3 the newest");
      expect(says).toContain("2 in force, on 3 entries");
      expect(says).toContain(`${ids.length - 2} entries, as the manifest says`);
    });

    it("from a later root that was pinned, as well", async () => {
      const root = await (await read(`/v1/publishers/${PUBLISHER}`)).json();
      const { root_version: version, root_digest: digest } = root as { root_version: number; root_digest: string };
      expect(version).toBe(2);
      expect(await verify(SET, { pin: { version, digest } })).toMatchObject({ accepts: true });
    });
  });

  describe("refuses", () => {
    const expectRefusal = async (code: string, verdict: Promise<Verified>) => {
      const { accepts, says } = await verdict;
      expect({ accepts, code: says.split(" ")[1] }).toEqual({ accepts: false, code });
    };
    const bendOnce = (fits: RegExp, change: (body: Uint8Array) => Uint8Array) => {
      let bent = 0;
      relay.bend = (path, body) => (fits.test(path) && bent++ === 0 ? change(body) : undefined);
      return () => expect(bent, "nothing was bent").toBeGreaterThan(0);
    };
    const changedAt = (body: Uint8Array, at: number) => body.map((byte, i) => (i === at ? byte ^ 1 : byte));
    const manifestOf = async () => {
      const envelope = await (await read(`/v1/sets/${SET}/head`)).json();
      const { payload } = envelope as { payload: string };
      const { manifest } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { manifest: string };
      return (await (await read(`/v1/blobs/sha256/${manifest.slice(7)}`)).json()) as {
        snapshot: { index: string };
        deltas: { release: number; segments: { segment: string }[] }[];
      };
    };

    it("a pin, a log key or an origin that is not theirs", async () => {
      await expectRefusal("root_missing", verify(SET, { pin: { version: 1, digest: `sha256:${"0".repeat(64)}` } }));
      const other = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
      await expectRefusal("cp_sig", verify(SET, { log: { ...log, vkey: other } }));
      await expectRefusal("cp_origin", verify(SET, { log: { ...log, origin: LogOrigin.parse("other.example/log1") } }));
    });

    it("an altered checkpoint", async () => {
      const used = bendOnce(/\/log\/checkpoint$/, (body) => {
        const lines = new TextDecoder().decode(body).split("\n");
        lines[1] = String(Number(lines[1]) - 1);
        return utf8.encode(lines.join("\n"));
      });
      await expectRefusal("cp_sig", verify());
      used();
    });

    it("a log whose entries are not those that were signed, or fewer", async () => {
      const changed = bendOnce(/\/tile\/entries\//, (body) => changedAt(body, body.length >> 1));
      await expectRefusal("cp_inconsistent", verify());
      changed();
      const cut = bendOnce(/\/tile\/entries\//, (body) => body.subarray(0, -1));
      await expectRefusal("bundle_invalid", verify());
      cut();
    });

    it("a changed byte in a blob, and another blob in its place", async () => {
      const { snapshot } = await manifestOf();
      const changed = bendOnce(new RegExp(snapshot.index.slice(7)), (body) => changedAt(body, 5));
      await expectRefusal("blob_digest_mismatch", verify());
      changed();
      const [, segment = ""] =
        /"segment":"sha256:([0-9a-f]{64})"/.exec(
          await (await read(`/v1/blobs/sha256/${snapshot.index.slice(7)}`)).text(),
        ) ?? [];
      const index = new Uint8Array(await (await read(`/v1/blobs/sha256/${snapshot.index.slice(7)}`)).arrayBuffer());
      const swapped = bendOnce(new RegExp(segment), () => index);
      await expectRefusal("blob_size_mismatch", verify());
      swapped();
    });

    it("a dropped tombstone", async () => {
      const { deltas } = await manifestOf();
      const segment = deltas.at(-1)?.segments[0]?.segment.slice(7) ?? "none";
      const used = bendOnce(new RegExp(segment), (body) => {
        const lines = gunzipSync(body).toString().split("\n");
        const kept = lines.filter((line) => !line.includes('"op":"del"'));
        expect(kept.length).toBeLessThan(lines.length);
        return new Uint8Array(gzipSync(kept.join("\n")));
      });
      await expectRefusal("blob_size_mismatch", verify());
      used();
    });

    it("an older head than the log has: withheld", async () => {
      const old = new Uint8Array(await (await read(`/v1/sets/${SET}/releases/2`)).arrayBuffer());
      const used = bendOnce(/\/head$/, () => old);
      await expectRefusal("withheld", verify());
      used();
    });

    it("a recall that the log has and the exchange does not give out: withheld", async () => {
      const used = bendOnce(/\/recalls$/, (body) => {
        const { recall, recalls } = JSON.parse(new TextDecoder().decode(body)) as { recall: number; recalls: object[] };
        return utf8.encode(JSON.stringify({ recall, recalls: recalls.slice(1) }));
      });
      await expectRefusal("withheld", verify());
      used();
    });

    it("a proof of another place", async () => {
      const used = bendOnce(/\/proof$/, (body) => {
        const lines = new TextDecoder().decode(body).split("\n");
        const first = lines.findIndex((line) => line.startsWith("index ")) + 1;
        [lines[first], lines[first + 1]] = [lines[first + 1] as string, lines[first] as string];
        return utf8.encode(lines.join("\n"));
      });
      await expectRefusal("not_logged", verify());
      used();
    });

    it("nothing when nobody answers: that is no verdict", async () => {
      expect(await verify(SET, { exchange: NOBODY })).toMatchObject({ accepts: undefined });
      expect(await verify(SET, { log: { ...log, url: `${NOBODY}/log` } })).toMatchObject({ accepts: undefined });
    });
  });
});
