/** An outside judge of our logs: a small Go program over Go's checksum database, built from the distribution's packages. */

import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
// Where Debian's golang-*-dev packages put their sources.
const GO_PATH = "/usr/share/gocode";
const NEEDED = ["note", "tlog"].map((name) => join(GO_PATH, "src/golang.org/x/mod/sumdb", name));
const SOURCE = join(import.meta.dirname, "go/judge.go");

/** Are Go and the packages here (Debian: golang-go, golang-golang-x-mod-dev)? */
export function hasGo(): boolean {
  return NEEDED.every(existsSync) && spawnSync("go", ["version"]).status === 0;
}

export type Verdict = { accepts: boolean; says: string };
export type Judge = (folder: string, vkey: string, origin: string) => Promise<Verdict>;

/** @param scratch - an empty folder for the program and Go's cache */
export async function buildJudge(scratch: string): Promise<Judge> {
  const program = join(scratch, "judge");
  // Modules off: nothing is fetched, what is not in Debian's tree is not there.
  const env = { ...process.env, GO111MODULE: "off", GOPATH: GO_PATH, GOFLAGS: "", GOCACHE: join(scratch, "cache") };
  await run("go", ["build", "-p", "1", "-o", program, SOURCE], { env });
  return async (folder, vkey, origin) => {
    try {
      return { accepts: true, says: (await run(program, [folder, vkey, origin])).stdout.trim() };
    } catch (error) {
      const { code, stderr } = error as { code: unknown; stderr: string };
      // Only its own refusal is a verdict; a program that could not run says nothing about the log.
      if (code !== 1) throw error;
      return { accepts: false, says: stderr.trim() };
    }
  };
}
