// Starts a TypeScript entry under the pinned Node, after installing what is missing. Plain JavaScript: it must run on any Node from 20 on.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const windows = process.platform === "win32";
const nodeBinary = join(root, "node_modules", ".bin", windows ? "node.exe" : "node");
const stampFile = join(root, "node_modules", ".breakwater-installed");
const NPM_WATCH_MS = 500;
const packages = ["shared", "exchange", "client", "local", "console", "extension"];

/** Digest of everything that decides what an installation holds. */
function wanted() {
  const hash = createHash("sha256");
  for (const name of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(readFileSync(join(root, name)));
  return hash.digest("hex");
}

function isInstalled() {
  if (!existsSync(nodeBinary)) return false;
  if (
    packages.some(
      (name) => existsSync(join(root, name, "package.json")) && !existsSync(join(root, name, "node_modules")),
    )
  )
    return false;
  if (existsSync(stampFile)) return readFileSync(stampFile, "utf8") === wanted();
  // Installed by hand: pnpm keeps the lockfile it installed from.
  const held = join(root, "node_modules", ".pnpm", "lock.yaml");
  return existsSync(held) && readFileSync(held, "utf8") === readFileSync(join(root, "pnpm-lock.yaml"), "utf8");
}

/**
 * The installer, whose version package.json holds under a name of our own: under `packageManager` pnpm would want itself in the lockfile,
 * and refuse a frozen one.
 */
function installer() {
  return `pnpm@${JSON.parse(readFileSync(join(root, "package.json"), "utf8")).config.pnpm}`;
}

function install() {
  if (isInstalled()) return;
  console.error(
    `Installing the packages that Breakwater needs (${installer()}, exact versions from the lockfile). The first time takes a minute.`,
  );
  // A pnpm without a terminal would ask before it replaces node_modules, and wait for ever.
  const args = ["-y", installer(), "install", "--frozen-lockfile", "--config.confirmModulesPurge=false"];
  // Standard output belongs to the command that follows (it may be piped as JSON), so progress goes to standard error.
  const done = spawnSync("npx", args, { cwd: root, stdio: ["ignore", 2, 2], shell: windows });
  if (done.status !== 0) {
    console.error(
      "The packages could not be installed; the lines above say why. Nothing was started. Run the same command again once that is mended.",
    );
    process.exit(done.status || 1);
  }
  writeFileSync(stampFile, wanted());
}

/** Our parent, and its parent where the parent is only the shell that npm puts between. */
function ancestors() {
  try {
    const fields = (pid) =>
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
    return `${process.ppid} ${/\/?(da|ba)?sh\0/.test(readFileSync(`/proc/${process.ppid}/cmdline`, "utf8")) ? fields(process.ppid)[1] : ""}`;
  } catch {
    return String(process.ppid);
  }
}

/** npm that is ended does not end what it started: without this, `npm start` would go on without anybody who could stop it. */
function stopWithNpm(stop) {
  if (!process.env.npm_lifecycle_event) return;
  const first = ancestors();
  const watch = setInterval(() => {
    if (ancestors() === first) return;
    clearInterval(watch);
    stop();
  }, NPM_WATCH_MS).unref();
}

/**
 * Runs `main` (a path from the repository's root) under the pinned Node and ends with its exit code.
 *
 * @param {string} main
 * @param {{ args?: string[], watchParent?: boolean }} [options] watchParent: the child learns of this process's death over a channel,
 *   so that what it started (a database, a Worker) does not outlive a killed launcher
 */
export function launch(main, { args = process.argv.slice(2), watchParent = false } = {}) {
  install();
  const entry = join(root, main);
  const pinned = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies.node;
  if (!watchParent && process.versions.node === pinned) {
    process.argv[1] = entry;
    return import(pathToFileURL(entry).href);
  }
  const bins = join(root, "node_modules", ".bin");
  const child = spawn(nodeBinary, ["--disable-warning=ExperimentalWarning", entry, ...args], {
    stdio: watchParent ? ["inherit", "inherit", "inherit", "ipc"] : "inherit",
    env: { ...process.env, PATH: `${bins}${windows ? ";" : ":"}${process.env.PATH ?? ""}` },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  if (watchParent) stopWithNpm(() => child.kill("SIGTERM"));
  child.on("error", () => {
    console.error("The pinned Node could not be started. Remove node_modules and run the same command again.");
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
