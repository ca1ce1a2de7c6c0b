// `npm test`: every check and every test, one count at the end. `npm test -- unit exchange` runs only the stages named.
import { delimiter, join } from "node:path";
import { buildConsole, buildExtension } from "./build.ts";
import { provideChromium } from "./chromium.ts";
import { ROOT } from "./home.ts";
import { step } from "./progress.ts";
import { addUp, type Context, type Count, STAGES, skipBrowser } from "./test-stages.ts";

const say = (sentence: string) => console.log(sentence);
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.abort());
process.on("disconnect", () => stopping.abort());
process.channel?.unref();

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !STAGES.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(`There is no stage ${unknown.join(", ")}. Stages: ${STAGES.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}
const stages = STAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

function makeContext(chromium: string | undefined): Context {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${join(ROOT, "node_modules", ".bin")}${delimiter}${process.env.PATH}`,
  };
  // A test that found the demo's data would be a test of that data.
  for (const name of ["BREAKWATER_HOME", "BREAKWATER_PORT", "BREAKWATER_CONFIG", "NODE_CHANNEL_FD"]) delete env[name];
  if (chromium) env.BREAKWATER_CHROMIUM = chromium;
  return { env, signal: stopping.signal };
}

async function build(): Promise<Count> {
  const counts: Count[] = [];
  for (const [name, work] of [
    ["console", () => buildConsole(say)],
    ["extension for e2e", () => buildExtension(say, "e2e")],
    ["extension", () => buildExtension(say, "production")],
  ] as const) {
    try {
      await work();
      counts.push({ passed: 1, failed: 0, skipped: 0, notes: [] });
    } catch (error) {
      console.error((error as Error).message);
      counts.push({ passed: 0, failed: 1, skipped: 0, notes: [`failed: build of ${name}`] });
    }
  }
  return addUp(counts);
}

async function runAll(): Promise<Count> {
  const counts: Count[] = [];
  const needsBrowser = stages.some(({ name }) => name === "browser");
  const chromium = needsBrowser ? await provideChromium(say) : undefined;
  if (needsBrowser && !chromium)
    say(
      "There is no Chromium on this machine and it cannot be installed from here, so the browser tests are skipped. Install Chromium, or name one in BREAKWATER_CHROMIUM.",
    );
  if (stages.some(({ name }) => name === "workerd" || name === "browser")) counts.push(await build());
  const context = makeContext(chromium);
  for (const stage of stages) {
    if (stopping.signal.aborted) break;
    say(`\n== ${stage.name} ==`);
    counts.push(
      stage.name === "browser" && !chromium
        ? skipBrowser()
        : await step(say, `Stage ${stage.name}`, () => stage.run(context)),
    );
  }
  return addUp(counts);
}

const { passed, failed, skipped, notes } = await runAll();
const interrupted = stopping.signal.aborted;
console.log("");
for (const note of notes) console.log(note);
if (interrupted) console.log("Interrupted before the end.");
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || interrupted ? 1 : 0;
