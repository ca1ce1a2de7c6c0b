// Loaded before the command: ends the process hard before the n-th change of the disk, as a power cut would; or says of
// the n-th and every later write that the disk is full.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const killAt = Number(process.env.KILL_AT_WRITE);
const fullAt = Number(process.env.FULL_AT_WRITE);
let count = 0;

function change() {
  count += 1;
  if (count === killAt) process.kill(process.pid, "SIGKILL");
  if (count >= fullAt) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
}

for (const name of ["open", "rename", "rm", "mkdir", "appendFile"]) {
  const real = fs.promises[name];
  fs.promises[name] = async (...args) => {
    // Opening for reading changes nothing; a full disk still lets go of files.
    const changes = name !== "open" || (typeof args[1] === "string" && args[1] !== "r");
    if (changes && !(name === "rm" && fullAt > 0)) change();
    const result = await real.apply(fs.promises, args);
    return name === "open" && changes ? counting(result) : result;
  };
}

/** A file that is half written is a state of its own. */
function counting(file) {
  for (const name of ["write", "writeFile", "sync"]) {
    const real = file[name];
    file[name] = async (...args) => {
      change();
      return real.apply(file, args);
    };
  }
  return file;
}
syncBuiltinESMExports();
