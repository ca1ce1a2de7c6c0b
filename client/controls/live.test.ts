import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PRIVATE_FILE_MODE } from "../profile/private-files.ts";
import { testId } from "../testing/entries.ts";
import { testHit } from "../testing/hits.ts";
import { withMode, withoutPauses, withPauses } from "./change.ts";
import { type ControlsFile, NO_CONTROLS } from "./controls.ts";
import { decide } from "./decide.ts";
import { controlsPath, moveOldModes, obtainControlsKey, readControls, updateControls } from "./file.ts";
import { type LiveControls, openControls } from "./live.ts";

const SET = "hotline.example/verified";
const now = new Date();
let dir: string;
let stateDir: string;
let live: LiveControls | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "breakwater-controls-"));
  stateDir = join(dir, "state");
});
afterEach(async () => {
  live?.close();
  live = undefined;
  await rm(dir, { recursive: true, force: true });
});

const enable = (act: "observe" | "review" | "block") =>
  updateControls(stateDir, (before) => withMode(before, SET, { act, now }) as ControlsFile);
const actionIn = (controls: LiveControls) => decide(testHit(), controls.current, now).action;
const writePrivate = (path: string, text: string) => writeFile(path, text, { mode: PRIVATE_FILE_MODE });

describe("the controls file", () => {
  it("is private, one line of writers, and nobody's change is lost", async () => {
    await enable("block");
    await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        updateControls(stateDir, (before) =>
          withPauses(before, [{ scope: "entry", set: SET, entry: testId(n) }], { act: "review", now }),
        ),
      ),
    );
    expect((await readControls(stateDir)).pauses.length).toBe(8);
    expect((await stat(controlsPath(stateDir))).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["no JSON", "{", "json"],
    [
      "cut off",
      `${JSON.stringify({ ...NO_CONTROLS, modes: { [SET]: { act: "block", since: "x" } } }).slice(0, 40)}`,
      "json",
    ],
    [
      "an unknown mode",
      JSON.stringify({ ...NO_CONTROLS, modes: { [SET]: { act: "delete", since: now.toISOString() } } }),
      "members",
    ],
    [
      "a share that would block the rest",
      JSON.stringify({
        ...NO_CONTROLS,
        modes: { [SET]: { act: "block", ratio: 0.1, rest: "block", since: now.toISOString() } },
      }),
      "members",
    ],
    ["a newer version", JSON.stringify({ ...NO_CONTROLS, v: 2 }), "newer"],
  ])("that is %s is not guessed at, and not written over", async (_title, text, reason) => {
    await enable("block");
    await writePrivate(controlsPath(stateDir), text);
    await expect(readControls(stateDir)).rejects.toMatchObject({ code: "controls_invalid", detail: { reason } });
    await expect(enable("observe")).rejects.toMatchObject({ code: "controls_invalid" });
    expect(await readFile(controlsPath(stateDir), "utf8")).toBe(text);
  });

  it("takes the modes that lay in the profile before, once, and never over what was decided here since", async () => {
    await enable("review");
    await writePrivate(join(dir, "modes.json"), JSON.stringify({ [SET]: "block", "ngo.example/terms": "block" }));
    await moveOldModes(stateDir, dir, now);
    expect((await readControls(stateDir)).modes).toMatchObject({
      [SET]: { act: "review" },
      "ngo.example/terms": { act: "block" },
    });
    await expect(stat(join(dir, "modes.json"))).rejects.toMatchObject({ code: "ENOENT" });
    await moveOldModes(stateDir, dir, now);
  });

  it("makes its key once", async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => obtainControlsKey(stateDir)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(1);
  });
});

describe("live controls", () => {
  it("reach processes that are running within a second: two of them follow a pause and its end", async () => {
    await enable("block");
    const script = fileURLToPath(new URL("../testing/watch-controls.ts", import.meta.url));
    const children = [1, 2].map(() => {
      const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, stateDir]);
      const seen: { action: string; at: number }[] = [];
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        for (const line of text.trim().split("\n")) {
          const [action = "", at] = line.split(" ");
          seen.push({ action, at: Number(at) });
        }
      });
      return { child, seen };
    });
    try {
      const said = (n: number) =>
        vi.waitFor(() => expect(children.every(({ seen }) => seen.length === n)).toBe(true), {
          timeout: 10_000,
          interval: 5,
        });
      await said(1);
      const target = { scope: "publisher" as const, publisher: "hotline.example" };
      for (const change of [
        (before: ControlsFile) => withPauses(before, [target], { act: "review", now }),
        (before: ControlsFile) => withoutPauses(before, [target], now),
      ]) {
        const count = children[0]?.seen.length ?? 0;
        await updateControls(stateDir, change);
        const written = Date.now();
        await said(count + 1);
        for (const { seen } of children) expect((seen.at(-1)?.at ?? 0) - written).toBeLessThan(1_000);
      }
      expect(children.map(({ seen }) => seen.map(({ action }) => action))).toEqual([
        ["block", "review", "block"],
        ["block", "review", "block"],
      ]);
    } finally {
      for (const { child } of children) child.kill();
    }
  });

  it("block nothing while the file cannot be read, and go on once it can", async () => {
    await enable("block");
    const changes: boolean[] = [];
    live = await openControls(stateDir, { onChange: ({ readable }) => changes.push(readable) });
    const good = await readFile(controlsPath(stateDir), "utf8");
    await writePrivate(controlsPath(stateDir), good.slice(0, 50));
    await vi.waitFor(() => expect(actionIn(live as LiveControls)).toBe("review"), { timeout: 5_000 });
    await writePrivate(controlsPath(stateDir), good);
    await vi.waitFor(() => expect(actionIn(live as LiveControls)).toBe("block"), { timeout: 5_000 });
    expect(changes).toEqual([false, true]);
  });

  it("open on a file that cannot be read: matching goes on, blocking does not", async () => {
    await enable("block");
    await writePrivate(controlsPath(stateDir), "{");
    live = await openControls(stateDir);
    expect(live.current.readable).toBe(false);
    expect(actionIn(live)).toBe("review");
  });

  it("hold a flood here at once, and drop their own note of it when the file says it", async () => {
    await enable("block");
    live = await openControls(stateDir);
    const flood = {
      target: { scope: "entry" as const, set: SET, entry: testId(1) },
      set: SET,
      at: now.toISOString(),
      count: 100,
      expected: 0,
    };
    live.assume(flood);
    expect(actionIn(live)).toBe("review");
    await updateControls(stateDir, (before) => ({ ...before, floods: [flood] }));
    await live.refresh();
    await updateControls(stateDir, (before) => ({ ...before, floods: [] }));
    await live.refresh();
    expect(actionIn(live)).toBe("block");
  });
});
