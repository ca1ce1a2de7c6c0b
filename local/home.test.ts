import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findHome, keepSecret, leaveHome, noteRun, openHome, ROOT, takeHome, writePrivate } from "./home.ts";
import { findProcess, RUN_MARKER } from "./processes.ts";

let home: string;
let children: ChildProcess[];
let orphans: number[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "breakwater-home-"));
  openHome(home);
  children = [];
  orphans = [];
});

afterEach(() => {
  delete process.env[RUN_MARKER];
  for (const child of children) child.kill("SIGKILL");
  for (const pid of orphans.filter((orphan) => findProcess(orphan))) process.kill(pid, "SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

const IDLE = "console.log('up'); setInterval(() => {}, 1000)";

/** A process beside us with a home's marker in its environment. */
async function startBeside(marker: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["-e", IDLE], {
    env: { ...process.env, [RUN_MARKER]: marker },
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  return child;
}

/** A process as a killed runner leaves it behind: alive, with the home's marker, and no parent of ours. */
function leaveBehind(marker: string): number {
  const script = `"$0" -e "${IDLE}" >/dev/null 2>&1 & echo $!`;
  const env = { ...process.env, [RUN_MARKER]: marker };
  const pid = Number(execFileSync("/bin/sh", ["-c", script, process.execPath], { env, encoding: "utf8" }));
  orphans.push(pid);
  return pid;
}

function recordRunner(child: ChildProcess): void {
  const seen = findProcess(child.pid as number);
  writePrivate(
    join(home, "run.json"),
    JSON.stringify({ line: [{ pid: child.pid, started: seen?.started }], url: "http://127.0.0.1:1" }),
  );
}

describe("the home", () => {
  it("is where BREAKWATER_HOME says, seen from where the person stands", () => {
    expect(findHome({ BREAKWATER_HOME: "there", INIT_CWD: "/somewhere" })).toBe("/somewhere/there");
    expect(findHome({ BREAKWATER_HOME: "/there", INIT_CWD: "/somewhere" })).toBe("/there");
    expect(findHome({})).toBe(join(ROOT, ".breakwater"));
  });

  it("keeps a secret once made, readable by its owner only", () => {
    const made = keepSecret(home, "one", () => "first");
    expect([made, keepSecret(home, "one", () => "second")]).toEqual(["first", "first"]);
    expect(statSync(join(home, "secrets", "one")).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, "secrets")).mode & 0o777).toBe(0o700);
  });

  it("is refused to a second runner while the first is alive, with where that one answers", async () => {
    recordRunner(await startBeside("elsewhere"));
    await expect(takeHome(home, () => {})).rejects.toThrow("already runs from");
    await expect(takeHome(home, () => {})).rejects.toThrow("http://127.0.0.1:1");
  });

  it.runIf(process.platform === "linux")(
    "is taken from a runner that was killed, and what that one left behind is ended",
    async () => {
      const orphan = leaveBehind(home);
      const stranger = leaveBehind(`${home}-other`);
      writePrivate(join(home, "run.json"), JSON.stringify({ line: [{ pid: 2 ** 22 - 1, started: "1" }] }));
      const said: string[] = [];
      await takeHome(home, (sentence) => said.push(sentence));
      await expect.poll(() => findProcess(orphan)).toBeUndefined();
      expect(findProcess(stranger)).toBeDefined();
      expect(said).toHaveLength(1);
    },
  );

  it("is taken from a runner whose pid now belongs to somebody else, who is left alone", async () => {
    const stranger = await startBeside("elsewhere");
    writePrivate(join(home, "run.json"), JSON.stringify({ line: [{ pid: stranger.pid, started: "1" }] }));
    await takeHome(home, () => {});
    expect(findProcess(stranger.pid as number)).toBeDefined();
  });

  it("is taken when the record of the last run was cut off", async () => {
    writeFileSync(join(home, "run.json"), '{"line":[{"pi');
    await takeHome(home, () => {});
    noteRun(home, "http://127.0.0.1:1");
    leaveHome(home);
    await takeHome(home, () => {});
  });
});
