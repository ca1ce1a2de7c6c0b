// Loaded before the command: ends the process hard before the n-th piece of a list's rows reaches the disk.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const at = Number(process.env.KILL_AT_APPEND);
let count = 0;
const real = fs.appendFileSync;
fs.appendFileSync = (...args) => {
  if (++count === at) process.kill(process.pid, "SIGKILL");
  return real(...args);
};
syncBuiltinESMExports();
