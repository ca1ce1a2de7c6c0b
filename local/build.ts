// Builds what a browser loads (console, extension), and only when something that goes into it has changed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, type Say } from "./home.ts";
import { step } from "./progress.ts";

const OUTPUT_SHOWN_CHARS = 4_000;

type Build = { name: string; folder: string; output: string; command: [string, ...string[]]; inputs: string[] };

/** `demo` may speak http to this machine; `e2e` may also be clicked by a test; `production` is what a store gets. */
export type ExtensionMode = "demo" | "e2e" | "production";

export async function buildConsole(say: Say): Promise<string> {
  return buildIfChanged(say, {
    name: "console",
    folder: join(ROOT, "console"),
    output: join(ROOT, "console", "dist"),
    command: ["vite", "build", "--logLevel", "warn"],
    inputs: ["console/**/*", "shared/**/*"],
  });
}

export async function buildExtension(say: Say, mode: ExtensionMode): Promise<string> {
  const suffix = mode === "production" ? "" : `-${mode}`;
  return buildIfChanged(say, {
    name: `extension${suffix}`,
    folder: join(ROOT, "extension"),
    output: join(ROOT, "extension", ".output", `chrome-mv3${suffix}`),
    command: ["wxt", "build", ...(mode === "production" ? [] : ["--mode", mode])],
    inputs: ["extension/**/*", "shared/**/*"],
  });
}

async function buildIfChanged(say: Say, build: Build): Promise<string> {
  const stamp = join(ROOT, "node_modules", ".breakwater-builds", build.name);
  const wanted = digestInputs(build);
  if (existsSync(build.output) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return build.output;
  // Removed first: a build that is killed half way must not be taken for a whole one.
  rmSync(stamp, { force: true });
  await step(say, `Building the ${build.name.replace("-", " for ")}`, () => run(build));
  mkdirSync(join(stamp, ".."), { recursive: true });
  writeFileSync(stamp, wanted);
  return build.output;
}

function digestInputs({ inputs, command }: Build): string {
  const made = /(^|\/)(node_modules|dist|\.output|\.wxt)(\/|$)|\.test\.tsx?$/;
  const files = globSync([...inputs, "pnpm-lock.yaml"], {
    cwd: ROOT,
    withFileTypes: true,
    exclude: (item) => made.test(`/${item.name}`),
  })
    .filter((item) => item.isFile() && !made.test(item.name))
    .map((item) => join(item.parentPath, item.name))
    .sort();
  const hash = createHash("sha256").update(command.join(" "));
  for (const file of files) hash.update(`\n${file.slice(ROOT.length)}\n`).update(readFileSync(file));
  return hash.digest("hex");
}

function run({ folder, command: [program, ...args], name }: Build): Promise<void> {
  return new Promise((resolve, reject) => {
    // The package's own commands are shell scripts that look for `node` first beside themselves and then on PATH: both are the pinned one.
    const path = `${join(ROOT, "node_modules", ".bin")}:${process.env.PATH}`;
    const child = spawn(join(folder, "node_modules", ".bin", program), args, {
      cwd: folder,
      env: { ...process.env, PATH: path, NODE_ENV: "production", CI: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => (output = (output + chunk).slice(-OUTPUT_SHOWN_CHARS)));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`The ${name} could not be built:\n${output}`)),
    );
  });
}
