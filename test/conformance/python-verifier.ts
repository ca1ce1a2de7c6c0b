/** The second verifier: a Python program that was written from docs/protocol.md and knows nothing of this code. */

import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import type { LogInfo } from "@breakwater/shared/wire/log.ts";

// The system's own, which has the distribution's packages; another one on the PATH may not.
const PYTHON = "/usr/bin/python3";
const PROGRAM = join(import.meta.dirname, "python", "verify.py");

/** Are Python 3 and its cryptography package here (Debian: python3-cryptography)? */
export function hasPython(): boolean {
  return spawnSync(PYTHON, ["-c", "import cryptography"]).status === 0;
}

export type SetToVerify = {
  exchange: string;
  apiKey: string;
  /** `publisher/set` */
  set: string;
  pin: { version: number; digest: string };
  log: LogInfo;
};

/** @property accepts - undefined when nothing could be asked, which is no verdict */
export type Verified = { accepts: boolean | undefined; says: string };

export function verifySet({ exchange, apiKey, set, pin, log }: SetToVerify): Promise<Verified> {
  const given = ["--pin", `${pin.version}:${pin.digest}`, "--log-key", log.vkey, "--log-origin", log.origin];
  const args = ["-B", PROGRAM, exchange, set, ...given, "--log-url", log.url];
  const env = { PATH: process.env.PATH, BREAKWATER_API_KEY: apiKey };
  return new Promise((resolve, reject) => {
    execFile(PYTHON, args, { env }, (error, stdout, stderr) => {
      if (error === null) resolve({ accepts: true, says: stdout });
      else if (error.code === 1 && stderr.startsWith("refused ")) resolve({ accepts: false, says: stderr.trim() });
      else if (error.code === 2) resolve({ accepts: undefined, says: stderr.trim() });
      // Its own fault is no verdict either, and nobody should take it for one.
      else reject(new Error(stderr, { cause: error }));
    });
  });
}

/** What it makes of each vector that it can run: `format/name` to `ok` or a problem code. */
export function judgeVectors(folder: string): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    execFile(PYTHON, ["-B", join(import.meta.dirname, "python", "vectors.py"), folder], (error, stdout) => {
      if (error === null) resolve(JSON.parse(stdout) as Record<string, string>);
      else reject(error);
    });
  });
}
