import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { isTest, listFiles, readText, SOURCE } from "./tree.ts";

/** What each area may import besides itself, bottom first: imports run downward only. */
const ARROWS: Record<string, readonly string[]> = {
  shared: [],
  "exchange/platform": ["shared"],
  "exchange/signer": ["shared", "exchange/platform"],
  "exchange/log-signer": ["shared", "exchange/platform", "exchange/signer"],
  "exchange/audit": ["shared", "exchange/platform"],
  "exchange/members": ["shared", "exchange/platform", "exchange/audit"],
  "exchange/log": ["shared", "exchange/platform", "exchange/audit"],
  "exchange/sets": ["shared", "exchange/platform", "exchange/audit", "exchange/members", "exchange/log"],
  "exchange/recalls": [
    "shared",
    "exchange/platform",
    "exchange/audit",
    "exchange/members",
    "exchange/log",
    "exchange/sets",
  ],
  "exchange/feed": [
    "shared",
    "exchange/platform",
    "exchange/audit",
    "exchange/members",
    "exchange/log",
    "exchange/sets",
  ],
  "exchange/lookup": [
    "shared",
    "exchange/platform",
    "exchange/audit",
    "exchange/members",
    "exchange/log",
    "exchange/sets",
    "exchange/recalls",
  ],
  "exchange/opinions": [
    "shared",
    "exchange/platform",
    "exchange/audit",
    "exchange/members",
    "exchange/log",
    "exchange/sets",
  ],
  "exchange/reports": ["shared", "exchange/platform", "exchange/audit", "exchange/members", "exchange/sets"],
  "exchange/backup": ["shared", "exchange/platform"],
  "exchange/restore": [
    "shared",
    "exchange/platform",
    "exchange/audit",
    "exchange/members",
    "exchange/log",
    "exchange/sets",
    "exchange/recalls",
    "exchange/lookup",
    "exchange/reports",
  ],
  exchange: [
    "shared",
    "exchange/platform",
    "exchange/audit",
    "exchange/members",
    "exchange/log",
    "exchange/sets",
    "exchange/recalls",
    "exchange/feed",
    "exchange/lookup",
    "exchange/opinions",
    "exchange/reports",
    "exchange/restore",
  ],
  client: ["shared"],
  console: ["shared"],
  extension: ["shared"],
  local: ["shared", "exchange", "exchange/platform", "exchange/members", "exchange/backup", "client", "test/drawings"],
};
const SLICE = /^exchange\/(audit|members|log|sets|recalls|feed|lookup|opinions|reports)$/;

type Import = { from: string; to: string };

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s[^"';]*?\sfrom\s*["']([^"']+)["']|(?:^|[\s;])import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

function listImports(path: string): Import[] {
  return [...readText(path).matchAll(IMPORT)].map(([, from, bare, dynamic]) => ({
    from: path,
    to: (from ?? bare ?? dynamic) as string,
  }));
}

/** The file in this repository that an import means, or undefined for a package or the runtime. */
function targetOf({ from, to }: Import): string | undefined {
  if (to.startsWith(".")) return posix.join(posix.dirname(from), to.replace(/\?.*$/, ""));
  return /^@breakwater\//.test(to) ? to.slice("@breakwater/".length) : undefined;
}

function areaOf(path: string): string {
  if (path.startsWith("test/drawings/")) return "test/drawings";
  const [area, slice] = path.split("/") as [string, string];
  return area === "exchange" && `${area}/${slice}` in ARROWS ? `${area}/${slice}` : area;
}

const sources = listFiles(SOURCE).filter((path) => /^(shared|exchange|client|console|extension|local)\//.test(path));
const product = sources.filter((path) => !isTest(path));
const imports = product.flatMap(listImports);

describe("imports", () => {
  it("are found at all", () => {
    expect(imports.length).toBeGreaterThan(200);
  });

  it("run downward only", () => {
    const wrong = imports.flatMap(({ from, to }) => {
      const target = targetOf({ from, to });
      if (target === undefined) return [];
      const [area, wanted] = [areaOf(from), areaOf(target)];
      return area === wanted || ARROWS[area]?.includes(wanted) ? [] : [`${from} imports ${to}`];
    });
    expect(wrong).toEqual([]);
  });

  it("reach another slice only by its index.ts, or tables.ts for a foreign key", () => {
    const wrong = imports.flatMap(({ from, to }) => {
      const target = targetOf({ from, to });
      if (target === undefined || areaOf(from) === areaOf(target) || !SLICE.test(areaOf(target))) return [];
      const allowed =
        posix.basename(target) === "index.ts" ||
        (posix.basename(target) === "tables.ts" && posix.basename(from) === "tables.ts");
      return allowed ? [] : [`${from} imports ${to}`];
    });
    expect(wrong).toEqual([]);
  });

  it("of a test by the product do not exist", () => {
    expect(imports.filter(({ to }) => /\.test\.tsx?$|\/testing\//.test(to))).toEqual([]);
  });

  it("leave shared/ without runtime, clock or chance", () => {
    const shared = product.filter((path) => path.startsWith("shared/"));
    const runtime = imports.filter(({ from, to }) => from.startsWith("shared/") && /^(node:|cloudflare:)/.test(to));
    const ambient = shared.filter((path) =>
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(|\bprocess\./.test(
        withoutComments(readText(path)),
      ),
    );
    expect({ runtime, ambient }).toEqual({ runtime: [], ambient: [] });
  });

  it("of packages are named in the package.json of whoever imports them", () => {
    const missing = imports.flatMap(({ from, to }) => {
      if (/^(\.|#|node:|cloudflare:|virtual:)/.test(to)) return [];
      const name = to
        .split("/")
        .slice(0, to.startsWith("@") ? 2 : 1)
        .join("/");
      const area = from.split("/")[0] as string;
      const { dependencies, devDependencies, name: own } = JSON.parse(readText(`${area}/package.json`));
      return name === own || name in { ...dependencies, ...devDependencies } ? [] : [`${from} imports ${to}`];
    });
    expect(missing).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}
