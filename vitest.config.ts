// One list of test projects; `npm test` runs them all, `vitest run <path>` any part of them.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

const ignored = ["**/node_modules/**", "**/dist/**", "**/.output/**", "**/.wxt/**"];

// The commands, daemons and workers that tests start by the hundred spend half of their time compiling the same files again.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules", ".cache", "compiled");

/** Vitest leaves one core to itself; on two that is half the machine for a process that mostly waits. */
const WORKERS = Math.max(2, availableParallelism() - 1);

/** Whole exchanges and browsers at a time: they mostly wait, for leases to end and pages to draw, and each needs some hundred megabytes. */
const RUNTIMES = { maxWorkers: 3, sequence: { groupOrder: 1 } };

/** Starting Postgres, a Worker or a browser on two busy cores takes a while; a unit test never does. */
const UNIT_TIMEOUT_MS = 15_000;
const EXCHANGE_TIMEOUT_MS = 60_000;
const RUNTIME_TIMEOUT_MS = 240_000;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{shared,client,local,console,extension}/**/*.test.{ts,tsx}"],
          exclude: [...ignored, "**/*.browser.test.ts", "**/*.workerd.test.ts"],
          maxWorkers: WORKERS,
          testTimeout: UNIT_TIMEOUT_MS,
        },
      },
      {
        test: {
          name: "house",
          include: ["test/house/**/*.test.ts"],
          exclude: ignored,
          testTimeout: EXCHANGE_TIMEOUT_MS,
        },
      },
      {
        // Outside judges: what is not installed is skipped by name.
        test: {
          name: "conformance",
          include: ["test/conformance/**/*.test.ts"],
          exclude: ignored,
          testTimeout: RUNTIME_TIMEOUT_MS,
          hookTimeout: RUNTIME_TIMEOUT_MS,
        },
      },
      {
        test: {
          name: "exchange",
          include: ["exchange/**/*.test.ts", "test/federation/**/*.test.ts"],
          exclude: ignored,
          maxWorkers: WORKERS,
          globalSetup: ["exchange/testing/global-postgres.ts"],
          testTimeout: EXCHANGE_TIMEOUT_MS,
          hookTimeout: EXCHANGE_TIMEOUT_MS,
        },
      },
      {
        test: {
          name: "workerd",
          include: ["test/workerd/**/*.test.ts", "**/*.workerd.test.ts"],
          exclude: ignored,
          ...RUNTIMES,
          testTimeout: RUNTIME_TIMEOUT_MS,
          hookTimeout: RUNTIME_TIMEOUT_MS,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts", "**/*.browser.test.ts"],
          exclude: ignored,
          ...RUNTIMES,
          globalSetup: ["test/browser/global-extension.ts"],
          testTimeout: RUNTIME_TIMEOUT_MS,
          hookTimeout: RUNTIME_TIMEOUT_MS,
        },
      },
    ],
  },
});
