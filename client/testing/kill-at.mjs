// Loaded before the command: ends the process hard before the n-th change of the disk, as a power cut would.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const at = Number(process.env.KILL_AT_WRITE);
let count = 0;

for (const name of ["open", "rename", "rm", "mkdir", "appendFile"]) {
  const real = fs.promises[name];
  fs.promises[name] = (...args) => {
    // Opening for reading changes nothing.
    const changes = name !== "open" || (typeof args[1] === "string" && args[1] !== "r");
    if (changes && ++count === at) process.kill(process.pid, "SIGKILL");
    return real.apply(fs.promises, args);
  };
}
syncBuiltinESMExports();
