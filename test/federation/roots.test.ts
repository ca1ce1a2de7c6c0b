/** Keys over their life, on the real exchange: rotated by one person and by several, revoked by log order, taken home. */

import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type CommandScene, openCommandScene } from "./command-scene.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let scene: CommandScene;
beforeAll(async () => {
  scene = await openCommandScene();
});
afterAll(() => scene.close());

type RootFact = { version: number; digest: string; root_kids: string[]; release_kids: string[]; resumed: boolean };

describe("a root of one person", () => {
  it("is rotated in one step; a release key is replaced, the old one is refused, subscribers follow from their first pin", async () => {
    const publisher = await scene.publisher("solo");
    const first = await scene.json<RootFact>("solo", "root", "create", "--custody", "member");
    await scene.publishFirst("solo", 1, 2);
    await scene.subscriber("solo-reader", publisher);
    await scene.done("solo-reader", "sync", `${publisher}/verified`);
    // A thief copies everything that is on the server: profile, release key, copies.
    await scene.copyProfile("solo", "solo-thief");

    const [stolen] = first.release_kids as [string];
    const unconfirmed = await scene.run("solo", ["keys", "revoke", stolen]);
    expect(unconfirmed.code).toBe(2);
    expect(unconfirmed.stderr).toContain(`− ${stolen}`);
    const second = await scene.json<RootFact>("solo", "keys", "revoke", stolen, "--yes", publisher);
    expect(second).toMatchObject({ version: 2, root_kids: first.root_kids, resumed: false });
    expect(second.release_kids).not.toContain(stolen);
    expect(second.release_kids).toHaveLength(1);

    // After root 2 is in the log, nothing that the stolen key signs is accepted, whatever time it claims.
    const late = await scene.run("solo-thief", [
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("late.ndjson", 1, 2, 9),
    ]);
    expect(late.code).not.toBe(0);
    const next = await scene.done(
      "solo",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("solo-2.ndjson", 1, 2, 3),
    );
    expect(next.stdout).toContain("release 2  +1 ~0 −0");
    const synced = await scene.done("solo-reader", "sync", `${publisher}/verified`);
    expect(synced.stdout).toMatch(/release 2 {2}\+1 ~0 −0/);
    expect(JSON.parse(await readFile(join(scene.profileOf("solo"), "pins.json"), "utf8"))).toEqual({
      [publisher]: { version: 2, digest: second.digest },
    });
  });

  it("is renewed without a change, and a heartbeat gives the set a new date", async () => {
    const renewed = await scene.json<RootFact>("solo", "root", "rotate", "--yes", "solo.example");
    expect(renewed.version).toBe(3);
    const beat = await scene.done("solo", "publish", "--set", "verified", "--heartbeat");
    expect(beat.stdout).toContain("release 3  +0 ~0 −0");
    const synced = await scene.done("solo-reader", "sync", "solo.example/verified");
    expect(synced.stdout).toContain("release 3");
  });

  it("says what it cannot do, and does nothing then", async () => {
    const unknown = await scene.run("solo", ["keys", "revoke", "A".repeat(43), "--yes", "solo.example"]);
    expect(unknown.stderr).toContain("not_found");
    const none = await scene.run("solo", ["root", "rotate", "--root-threshold", "2", "--yes", "solo.example"]);
    expect(none.stderr).toContain("root_invalid");
    const [kid] = (await scene.json<{ root_kids: string[] }>("solo", "root", "rotate", "--yes", "solo.example"))
      .root_kids;
    const both = await scene.run("solo", ["root", "rotate", "--remove-root", kid as string, "--yes", "solo.example"]);
    expect(both.stderr).toContain("root_invalid");
  });
});

describe("a root of several people", () => {
  it("is proposed by one, signed by each on a machine of their own, and posted once both thresholds hold", async () => {
    const publisher = await scene.publisher("many");
    await scene.done("many", "root", "create", "--custody", "member");
    const hers = join(scene.dir, "hers.json");
    const his = join(scene.dir, "his.json");
    await scene.done("her", "keys", "new", "--root", "--public", hers);
    await scene.done("his", "keys", "new", "--root", "--public", his);
    expect(await readFile(hers, "utf8")).not.toContain('"d"');

    const two = await scene.run("many", [
      "root",
      "rotate",
      "--add-root",
      hers,
      "--add-root",
      his,
      "--root-threshold",
      "2",
      "--yes",
      publisher,
    ]);
    expect(two.code).toBe(5);
    expect(two.stderr).toContain("Root 2 not posted: not all root keys that must sign are here.");

    const proposal = join(scene.dir, "root-2.json");
    await scene.done(
      "many",
      "root",
      "propose",
      "--add-root",
      hers,
      "--add-root",
      his,
      "--root-threshold",
      "2",
      "--out",
      proposal,
    );
    const copy = join(scene.dir, "root-2-hers.json");
    await cp(proposal, copy);
    const mine = await scene.done("many", "root", "sign", proposal, "--yes", publisher);
    expect(mine.stdout).toContain("signed by 1 of 1 of the root before, 1 of 2 of its own; still without:");
    const early = await scene.run("many", ["root", "post", proposal, "--yes", publisher]);
    expect(early.stderr).toContain("signature_threshold");
    const her = await scene.done("her", "root", "sign", copy, "--yes", publisher);
    expect(her.stderr).toContain("the root before is not known here");
    const posted = await scene.json<RootFact>("many", "root", "post", proposal, copy, "--yes", publisher);
    expect(posted).toMatchObject({ version: 2 });
    expect(posted.root_kids).toHaveLength(3);
    // The same again changes nothing.
    const again = await scene.json<RootFact>("many", "root", "post", proposal, copy, "--yes", publisher);
    expect(again.digest).toBe(posted.digest);
  });

  it("cannot be changed by one of them alone, nor by a changed file, nor by somebody without a key", async () => {
    const alone = await scene.run("many", ["root", "rotate", "--yes", "many.example"]);
    expect(alone.stderr).toContain("signature_threshold");
    const proposal = join(scene.dir, "root-3.json");
    await scene.done("many", "root", "propose", "--out", proposal);
    const stranger = await scene.run("stranger", ["root", "sign", proposal, "--yes", "many.example"]);
    expect(stranger.stderr).toContain("key_invalid");
    const text = await readFile(proposal, "utf8");
    const file = JSON.parse(text) as { payload: string; previous: string };
    const root = JSON.parse(Buffer.from(file.payload, "base64url").toString()) as { prev: string };
    const bent = { ...root, prev: `sha256:${"0".repeat(64)}` };
    const other = { ...file, payload: Buffer.from(JSON.stringify(bent)).toString("base64url") };
    const bad = await scene.file("root-3-bad.json", JSON.stringify(other));
    const refused = await scene.run("many", ["root", "sign", bad, "--yes", "many.example"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/root_pin/);
  });
});

describe("custody", () => {
  it("is taken home from the exchange by a rotation, and the next release is signed here", async () => {
    const publisher = await scene.publisher("lodger", "exchange");
    await scene.done("lodger", "root", "create", "--custody", "exchange");
    await scene.publishFirst("lodger", 1);
    const moved = await scene.json<RootFact>("lodger", "root", "rotate", "--custody", "member", "--yes", publisher);
    expect(moved.release_kids).toHaveLength(1);
    const next = await scene.done(
      "lodger",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("lodger-2.ndjson", 1, 2),
    );
    expect(next.stdout).toContain("release 2  +1");
    const back = await scene.json<RootFact>("lodger", "root", "rotate", "--custody", "exchange", "--yes", publisher);
    expect(back.version).toBe(3);
    const third = await scene.done(
      "lodger",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("lodger-3.ndjson", 1, 2, 3),
    );
    expect(third.stdout).toContain("release 3  +1");
  });
});
