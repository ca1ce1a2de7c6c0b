import { sniffMedia } from "@breakwater/shared/media/sniff.ts";
import { describe, expect, it } from "vitest";
import { isTest, listFiles, readBytes, readText, SOURCE } from "./tree.ts";

const SOURCE_MAX_LINES = 300;
/** Files that answer one question and still need more; each with its reason. */
const LONG_ON_PURPOSE: Record<string, string> = {};

const MEDIA_NAME =
  /\.(png|jpe?g|gif|webp|avif|heic|bmp|ico|tiff?|psd|mp4|m4v|mov|webm|mkv|avi|mp3|wav|ogg|flac|zip|gz|7z|pdf)$/i;
const BINARY_PROBE_BYTES = 8_000;

describe("the tree", () => {
  it("holds no media and no other binary file", () => {
    const wrong = listFiles().filter((path) => {
      const bytes = readBytes(path);
      return (
        MEDIA_NAME.test(path) || sniffMedia(bytes) !== undefined || bytes.subarray(0, BINARY_PROBE_BYTES).includes(0)
      );
    });
    expect(wrong).toEqual([]);
  });

  it("holds no picture as text", () => {
    // The base64 of the first bytes of PNG, JPEG, GIF and WebP, long enough to be a picture and not a test of the gate.
    const picture = /(iVBORw0KGgo|\/9j\/4|R0lGOD|UklGR)[A-Za-z0-9+/]{400,}/;
    expect(listFiles(/\.(ts|tsx|js|json|css|html|md|svg)$/).filter((path) => picture.test(readText(path)))).toEqual([]);
  });

  it("has source files that answer one question", () => {
    const long = listFiles(SOURCE).filter(
      (path) => !isTest(path) && readText(path).split("\n").length - 1 > SOURCE_MAX_LINES,
    );
    expect(long.filter((path) => !(path in LONG_ON_PURPOSE))).toEqual([]);
    expect(
      Object.keys(LONG_ON_PURPOSE).filter((path) => !long.includes(path)),
      "no longer long",
    ).toEqual([]);
  });

  it("has source files that open with what they are for", () => {
    const silent = listFiles(SOURCE).filter((path) => !isTest(path) && !/^(#!.*\n)?\s*\/[/*]/.test(readText(path)));
    expect(silent).toEqual([]);
  });

  it("takes every colour from a token", () => {
    const literal =
      /#[0-9a-f]{3,8}\b|\b(rgba?|hsla?|hwb|lab|lch|oklab|oklch|color)\(|:\s*(white|black|red|green|blue|gr[ae]y|orange|yellow|navy|teal)\b/i;
    const wrong = listFiles(/^(console|extension|shared)\/.*\.css$/).flatMap((path) =>
      readText(path)
        .replace(/\/\*[\s\S]*?\*\//g, "")
        .split("\n")
        // A custom property of the shared sheet is where a token is defined; elsewhere it would be a second palette.
        .filter((line) => literal.test(line) && !(path.startsWith("shared/ui/") && /^\s*--[a-z0-9-]+\s*:/.test(line)))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(wrong).toEqual([]);
  });

  it("names no machine, registry, tool or unfinished work", () => {
    // Written in pieces, or this file would be its own first finding.
    const places = ["/wo|rk/", "/tmp/|bw", "/ro|ot/", "/ho|me/", "registry\\.|npmjs", "registry\\.|yarnpkg"];
    const tools = ["cla|ude", "anthro|pic", "chat|gpt", "cop|ilot"];
    const [place, tool, unfinished] = [places, tools, ["TO|DO\\b", "FIX|ME\\b"]].map((words) =>
      words.map((word) => word.replace("|", "")).join("|"),
    );
    // Names of packages in the lockfile are not ours to choose.
    const patterns = [
      new RegExp(place as string, "i"),
      new RegExp(tool as string, "i"),
      new RegExp(unfinished as string),
    ];
    const wrong = listFiles(/\.(ts|tsx|js|json|css|html|md|sql|toml|ya?ml|sh)$|^\.ci\/|^\.npmrc$/).flatMap((path) => {
      const found = patterns
        .slice(0, path === "pnpm-lock.yaml" ? 1 : 3)
        .map((pattern) => pattern.exec(readText(path))?.[0]);
      return found.some(Boolean) ? [`${path}: ${found.filter(Boolean)}`] : [];
    });
    expect(wrong).toEqual([]);
  });

  it("has the papers of an open house", () => {
    for (const path of ["LICENSE", "SECURITY.md", "CONTRIBUTING.md", "README.md", ".ci/run"])
      expect(readText(path).length, path).toBeGreaterThan(50);
    expect(readText("LICENSE")).toContain("Apache License");
    expect(readText(".ci/run")).toContain("npm test");
    expect(JSON.parse(readText("package.json")).license).toBe("Apache-2.0");
  });

  it("pins every version exactly", () => {
    const loose = listFiles(/(^|\/)package\.json$/).flatMap((path) => {
      const { dependencies, devDependencies } = JSON.parse(readText(path));
      return Object.entries({ ...dependencies, ...devDependencies })
        .filter(([, version]) => !/^(\d+\.\d+\.\d+\S*|workspace:\*)$/.test(String(version)))
        .map(([name, version]) => `${path}: ${name} ${version}`);
    });
    expect(loose).toEqual([]);
  });
});
