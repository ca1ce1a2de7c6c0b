import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type CommandScene, openCommandScene } from "./command-scene.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000 });

let scene: CommandScene;
beforeAll(async () => {
  scene = await openCommandScene();
  const { key } = await scene.exchange.member({ name: "hotline", roles: ["hotline"], scopes: ["hotline"] });
  await scene.login("hotline", key, "--member", "hotline");
});
afterAll(() => scene.close());

describe("breakwater hotline forward", () => {
  it("is refused before there is an agent, without --to, and for what is no address", async () => {
    const early = await scene.run("hotline", ["hotline", "forward", "--to", "Example Police"]);
    expect(early).toMatchObject({ code: 5, stdout: "" });
    expect(early.stderr).toContain("breakwater hotline agent init");
    expect(early.stderr).toMatch(/code {2}recipients_missing\n$/);
    await scene.done("hotline", "hotline", "agent", "init");
    const nameless = await scene.run("hotline", ["hotline", "forward", "--url", "https://desk.example/in"]);
    expect(nameless).toMatchObject({ code: 2, stdout: "" });
    expect(nameless.stderr).toMatch(/code {2}usage_invalid\n$/);
    for (const option of ["--url", "--alert-url"]) {
      const wrong = await scene.run("hotline", ["hotline", "forward", "--to", "x", option, "ftp://desk.example/in"]);
      expect(wrong, wrong.stderr).toMatchObject({ code: 6, stdout: "" });
      expect(wrong.stderr).toMatch(/code {2}url_invalid\n$/);
      expect(wrong.stderr).not.toContain("desk.example");
    }
  });

  it("names both, and says what is told to whom", async () => {
    const [url, alert] = ["https://police.example/in", "https://desk.example/in"];
    const both = await scene.done(
      "hotline",
      "hotline",
      "forward",
      "--to",
      "Example Police",
      "--url",
      url,
      "--alert-url",
      alert,
    );
    expect(both.stdout).toBe(
      "✓ told at once, besides the console's banner\n✓ passed on to Example Police when nobody acknowledges within 15 minutes\n",
    );
    const [row] = await scene.exchange.sql`select forward_to, forward_url, alert_url from hotlines`;
    expect(row).toEqual({ forward_to: "Example Police", forward_url: url, alert_url: alert });
  });

  it("takes back what is left out, and says that nobody is told", async () => {
    const name = ["hotline", "forward", "--to", "Example Police"];
    expect(await scene.json("hotline", ...name)).toEqual({ to: "Example Police", delivers: false, alerts: false });
    expect((await scene.done("hotline", ...name, "--ascii")).stdout).toBe(
      "! nobody is told at once: only the console's banner shows it\n! not passed on: analysts read that they have to call Example Police\n",
    );
    const [row] = await scene.exchange.sql`select forward_url, alert_url from hotlines`;
    expect(row).toEqual({ forward_url: null, alert_url: null });
  });
});
