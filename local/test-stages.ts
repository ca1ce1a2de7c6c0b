// What `npm test` runs, stage by stage, and how each stage's result becomes a count.
import { spawn } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./home.ts";

/** A stage that hangs is a failure to report, not a morning to lose. */
const STAGE_MAX_MS = 900_000;
const TYPED = ["shared", "exchange", "client", "local", "console", "extension", "test"];

export type Count = { passed: number; failed: number; skipped: number; notes: string[] };
export type Stage = { name: string; run: (context: Context) => Promise<Count> };
export type Context = { env: NodeJS.ProcessEnv; signal: AbortSignal };

export const STAGES: readonly Stage[] = [
  { name: "types", run: checkTypes },
  {
    name: "lint",
    run: (context) => checkOne(context, "lint", ["node_modules/@biomejs/biome/bin/biome", "check", "."]),
  },
  ...["house", "unit", "conformance", "exchange", "workerd", "browser"].map((name) => ({
    name,
    run: (context: Context) => runVitest(context, name),
  })),
];

async function checkTypes(context: Context): Promise<Count> {
  const counts: Count[] = [];
  const waiting = TYPED.filter((area) => existsSync(join(ROOT, area, "tsconfig.json")));
  const worker = async () => {
    for (let area = waiting.shift(); area; area = waiting.shift())
      counts.push(await checkOne(context, `types of ${area}`, ["node_modules/typescript/bin/tsc", "-p", area]));
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
  return addUp(counts);
}

async function checkOne(context: Context, name: string, args: string[]): Promise<Count> {
  const { code, output } = await run(context, args, { quiet: true });
  if (code === 0) return { passed: 1, failed: 0, skipped: 0, notes: [] };
  console.log(output.trimEnd());
  return { passed: 0, failed: 1, skipped: 0, notes: [`failed: ${name}`] };
}

async function runVitest(context: Context, project: string): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), "breakwater-test-"));
  const file = join(folder, "result.json");
  try {
    const args = [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`,
    ];
    // These tests are about one machine with its own database; a shared one would mix their exchanges up.
    const { DATABASE_URL: _, ...own } = context.env;
    const env = project === "exchange" ? context.env : own;
    const { code } = await run({ ...context, env }, args, { quiet: false });
    return countResult(project, file, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type VitestResult = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { name: string; status: string; assertionResults: { status: string; fullName: string }[] }[];
};

function countResult(project: string, file: string, code: number): Count {
  if (!existsSync(file))
    return { passed: 0, failed: 1, skipped: 0, notes: [`failed: ${project} tests ended without a result`] };
  const result = JSON.parse(readFileSync(file, "utf8")) as VitestResult;
  const notes: string[] = [];
  let failed = result.numFailedTests;
  for (const { name, status, assertionResults } of result.testResults) {
    const path = name.replace(`${ROOT}/`, "");
    const wrong = assertionResults.filter((one) => one.status === "failed");
    notes.push(...wrong.map(({ fullName }) => `failed: ${path}: ${fullName}`));
    // A judge that is not installed here is named, so that nobody takes its silence for consent.
    const skipped = assertionResults.filter((one) => one.status === "skipped" || one.status === "pending");
    notes.push(...skipped.map(({ fullName }) => `skipped: ${path}: ${fullName}`));
    // A file that could not even be loaded has no failed test, and must not pass for that reason.
    if (status === "failed" && wrong.length === 0) {
      failed++;
      notes.push(`failed: ${path}`);
    }
  }
  if (code !== 0 && failed === 0) {
    failed = 1;
    notes.push(`failed: ${project} tests (exit code ${code})`);
  }
  return { passed: result.numPassedTests, failed, skipped: result.numPendingTests + result.numTodoTests, notes };
}

/** Browser tests that cannot run, each file by its name. */
export function skipBrowser(): Count {
  const files = globSync(["test/browser/**/*.test.ts", "{extension,console,test}/**/*.browser.test.ts"], {
    cwd: ROOT,
    exclude: (path) => path.includes("node_modules"),
  });
  return { passed: 0, failed: 0, skipped: files.length, notes: files.sort().map((path) => `skipped: ${path}`) };
}

export function addUp(counts: Count[]): Count {
  return {
    passed: counts.reduce((sum, { passed }) => sum + passed, 0),
    failed: counts.reduce((sum, { failed }) => sum + failed, 0),
    skipped: counts.reduce((sum, { skipped }) => sum + skipped, 0),
    notes: counts.flatMap(({ notes }) => notes),
  };
}

function run(
  { env, signal }: Context,
  args: string[],
  { quiet }: { quiet: boolean },
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env,
      stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
    const end = (signalName: NodeJS.Signals) => child.kill(signalName);
    const timer = setTimeout(() => end("SIGKILL"), STAGE_MAX_MS);
    const onAbort = () => end("SIGTERM");
    signal.addEventListener("abort", onAbort);
    const settle = (code: number) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve({ code, output });
    };
    child.on("error", (error) => {
      output += error.message;
      settle(1);
    });
    child.on("close", (code) => settle(code ?? 1));
  });
}
