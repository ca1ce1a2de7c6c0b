// The repository's own files, as the house tests read them.
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const MADE = /(^|\/)(node_modules|dist|\.output|\.wxt|\.breakwater|\.git)(\/|$)/;

/** Paths from the root, with `/`: what git tracks or would track; without git, everything that is not made by a build. */
export function listFiles(pattern: RegExp = /./): string[] {
  return listAll().filter((path) => pattern.test(path));
}

let all: string[] | undefined;
function listAll(): string[] {
  all ??= (listByGit() ?? globSync("**/*", { cwd: ROOT, exclude: (path) => MADE.test(path) }))
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !MADE.test(path) && existsSync(join(ROOT, path)))
    .sort();
  return all;
}

function listByGit(): string[] | undefined {
  try {
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: "pipe",
    });
    return listed.split("\0").filter(Boolean);
  } catch {
    // An unpacked archive, or a machine without git.
    return undefined;
  }
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

export function readBytes(path: string): Uint8Array {
  return readFileSync(join(ROOT, path));
}

export const SOURCE: RegExp = /\.(ts|tsx|js|jsx)$/;

export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || path.startsWith("test/") || path.includes("/testing/");
}
