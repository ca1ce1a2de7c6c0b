// The browser that the tests drive: one that is installed, or Debian's own package where we may install it.
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Say } from "./home.ts";
import { step } from "./progress.ts";

const NAMES = ["chromium", "chromium-browser"];
const MAC = "/Applications/Chromium.app/Contents/MacOS/Chromium";

/** Path of a Chromium, or undefined. Chrome itself no longer loads an unpacked extension from the command line, so it does not count. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = (env.PATH ?? "").split(delimiter).concat("/usr/bin");
  const candidates = [
    env.BREAKWATER_CHROMIUM,
    ...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))),
    MAC,
  ];
  return candidates.find((path) => path !== undefined && isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** As {@link findChromium}, after installing it if this is Debian and we are root. */
export async function provideChromium(say: Say): Promise<string | undefined> {
  const found = findChromium();
  if (
    found ||
    process.getuid?.() !== 0 ||
    !existsSync("/etc/debian_version") ||
    spawnSync("apt-get", ["--version"]).status !== 0
  )
    return found;
  await step(say, "Installing Chromium from Debian's packages", async () => {
    // A list that cannot be refreshed may still be good enough to install from.
    await apt(["update"]);
    await apt(["install", "-y", "--no-install-recommends", "chromium"]);
  });
  return findChromium();
}

function apt(args: string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn("apt-get", ["-qq", ...args], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    child.on("error", () => resolve(1));
    child.on("close", (code) => resolve(code ?? 1));
  });
}
