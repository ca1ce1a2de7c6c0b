import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testId, testTermEntry, testUrlEntry } from "../testing/entries.ts";
import { type RunOptions, runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let scene: Scene;
let profile: string;
beforeAll(async () => {
  scene = await openScene(1);
  profile = join(scene.dir, "profile");
  const stateDir = join(profile, "state");
  await writeProfile({ dir: profile, exchange: scene.double.origin, apiKey: TEST_API_KEY, stateDir });
  const terms = await makeDoublePublisher(
    scene.double,
    "real.example/terms",
    aboutOfKind("term", { stream: "photographic" }),
  );
  await terms.release(terms.put(testTermEntry(1, { action: "warn_and_signpost", human_review: "recommended" })));
  await scene.sync({ setId: terms.setId, pin: terms.pin, stateDir });
  await writePin(profile, terms.setId.publisher, terms.pin);
});
afterAll(() => scene.close());

const run = (args: string[], options: Partial<RunOptions> = {}) => runCommand(args, { profile, ...options });

describe("match --text", () => {
  it("reads a file of any length, and says where a term stands and what to do in a country", async () => {
    const file = join(scene.dir, "messages.txt");
    await writeFile(file, `${"innocent words, ".repeat(200_000)}ends with test-term-0001.`);
    const ran = await run(["match", "--text", "--context", "chat", "--country", "GB", "--json", file]);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      path: file,
      hits: [{ entry: testId(1), kind: "term", how: { start: 3_200_010, end: 3_200_024 }, why_not_block: "observed" }],
    });
  });

  it("reads standard input, and shows no word of it", async () => {
    const ran = await run(["match", "--text", "--hit-exit", "10", "-"], { stdin: "hello test-term-0001, more words" });
    expect(ran.code).toBe(10);
    expect(ran.stdout).toMatch(/^! match {2}real\.example\/terms .*\n {2}file {3}-\n {2}how {4}term at 6–20/);
    expect(ran.stdout).not.toMatch(/hello|more words|test-term/);
  });

  it("for another context finds nothing, and a context that there is not is wrong usage", async () => {
    expect((await run(["match", "--text", "--context", "advert", "-"], { stdin: "test-term-0001" })).stdout).toContain(
      "no match",
    );
    expect((await run(["match", "--text", "--context", "poem", "-"], { stdin: "x" })).code).toBe(2);
    expect((await run(["match", "--text", "--url", "x"])).code).toBe(2);
    expect((await run(["match", "--text", "--country", "Germany", "-"], { stdin: "x" })).code).toBe(2);
  });

  it("takes a hundred megabytes without holding them", async () => {
    const piece = "words that mean nothing at all, and go on and on. ".repeat(2_000);
    const child = spawn(
      process.execPath,
      [
        "--max-old-space-size=128",
        "--disable-warning=ExperimentalWarning",
        join(import.meta.dirname, "main.ts"),
        "match",
        "--text",
        "--json",
        "-",
      ],
      {
        env: { PATH: process.env.PATH ?? "", LANG: "C.UTF-8", BREAKWATER_CONFIG: profile },
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    let out = "";
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes.toString();
    });
    for (let written = 0; written < 100 * 1024 * 1024; written += piece.length) {
      if (!child.stdin.write(piece)) await new Promise((resolve) => child.stdin.once("drain", resolve));
    }
    child.stdin.end("and here test-term-0001 stands");
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ hits: [{ entry: testId(1) }] });
  });
});

describe("match --url", () => {
  it("says when there is no set to look in, and finds an address of standard input once there is one", async () => {
    const none = await run(["match", "--url", "-"], { stdin: "https://forum1.example/t/1\n" });
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("there is no verified copy of a URL set on this machine");
    const urls = await makeDoublePublisher(
      scene.double,
      "real.example/urls",
      aboutOfKind("url", { stream: "photographic" }),
    );
    await urls.release(urls.put(testUrlEntry(1)));
    await scene.sync({ setId: urls.setId, pin: urls.pin, stateDir: join(profile, "state") });
    const ran = await run(["match", "--url", "-"], { stdin: "https://else.example/\nhttps://forum1.example/t/1\n" });
    expect(ran.stdout).toContain("how    URL, this address");
    // Addresses are never links, and the ledger holds none.
    expect(ran.stdout).not.toContain("https://");
    expect((await run(["match", "--url", "not an address"])).code).toBe(6);
    // One bad line, or one far too long, keeps the others from nothing.
    const long = `https://else.example/${"a".repeat(64 * 1024)}`;
    const mixed = await run(["match", "--url", "-"], {
      stdin: `not an address\n${long}\nhttps://forum1.example/t/1\n`,
    });
    expect(mixed.code).toBe(6);
    expect(mixed.stdout).toContain("how    URL, this address");
    expect(mixed.stdout.match(/not compared .* url_invalid/g)).toHaveLength(2);
  });
});
