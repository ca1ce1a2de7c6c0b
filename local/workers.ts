// The Workers as their wrangler.toml files describe them, bundled and put into the form that miniflare takes. An unknown binding stops the start:
// a Worker that runs here without something it has in production would be tested in vain.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, stop } from "esbuild";
import type { WorkerOptions } from "miniflare";
import { parse } from "smol-toml";

type Table = Record<string, unknown>;

type WorkerFile = {
  name: string;
  main: string;
  compatibility_date: string;
  compatibility_flags?: string[];
  vars?: Record<string, string>;
  r2_buckets?: { binding: string; bucket_name: string }[];
  services?: { binding: string; service: string; entrypoint?: string }[];
  assets?: {
    directory: string;
    binding: string;
    run_worker_first?: boolean;
    not_found_handling?: string;
    html_handling?: string;
  };
  triggers?: { crons: string[] };
};

/** Top-level keys that this runner understands, or that only matter when deploying. */
const KNOWN = new Set([
  "name",
  "main",
  "compatibility_date",
  "compatibility_flags",
  "vars",
  "r2_buckets",
  "services",
  "assets",
  "triggers",
  "hyperdrive",
  "workers_dev",
  "routes",
  "observability",
  "limits",
  "placement",
  "logpush",
  "account_id",
  "upload_source_maps",
]);

export type LoadedWorker = { options: WorkerOptions & { name: string }; crons: string[] };

/**
 * @param file - a wrangler.toml
 * @param given - what this machine supplies: variables and secrets; `assets` replaces a folder that has not been built
 */
export async function loadWorker(
  file: string,
  given: { vars: Record<string, string>; assets?: string },
): Promise<LoadedWorker> {
  const config = parse(readFileSync(file, "utf8")) as Table;
  const unknown = Object.keys(config).filter((key) => !KNOWN.has(key));
  if (unknown.length > 0)
    throw new Error(`${file} has settings that the local runner does not provide: ${unknown.join(", ")}`);
  const worker = config as unknown as WorkerFile;
  const folder = dirname(file);
  const options: WorkerOptions & { name: string } = {
    name: worker.name,
    // Given as a whole: miniflare would otherwise look for modules behind imports that a library never makes here.
    modules: [{ type: "ESModule", path: "worker.js", contents: await bundle(join(folder, worker.main)) }],
    compatibilityDate: worker.compatibility_date,
    compatibilityFlags: worker.compatibility_flags ?? [],
    bindings: { ...worker.vars, ...given.vars },
    r2Buckets: Object.fromEntries((worker.r2_buckets ?? []).map(({ binding, bucket_name }) => [binding, bucket_name])),
    serviceBindings: Object.fromEntries(
      (worker.services ?? []).map(({ binding, service, entrypoint }) => [
        binding,
        entrypoint ? { name: service, entrypoint } : service,
      ]),
    ),
    ...(worker.assets
      ? { assets: assetOptions(worker.assets, given.assets ?? join(folder, worker.assets.directory)) }
      : {}),
  };
  return { options, crons: worker.triggers?.crons ?? [] };
}

function assetOptions(assets: NonNullable<WorkerFile["assets"]>, directory: string): WorkerOptions["assets"] {
  return {
    directory,
    binding: assets.binding,
    routerConfig: { invoke_user_worker_ahead_of_assets: assets.run_worker_first === true, has_user_worker: true },
    assetConfig: {
      ...(assets.not_found_handling
        ? { not_found_handling: assets.not_found_handling as "single-page-application" }
        : {}),
      ...(assets.html_handling ? { html_handling: assets.html_handling as "auto-trailing-slash" } : {}),
    },
  };
}

/** One module, as wrangler would make it: the Workers build of each dependency, and only the runtime's own modules left outside. */
async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser", "import"],
    external: ["cloudflare:*", "node:*"],
    define: { "process.env.NODE_ENV": '"production"' },
    loader: { ".sql": "text" },
    legalComments: "none",
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

/** The bundler is a process of its own that would otherwise stay as long as we do. */
export async function stopBundling(): Promise<void> {
  await stop();
}
