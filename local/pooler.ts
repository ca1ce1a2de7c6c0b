// A session pooler for one machine, standing where Hyperdrive stands in production: a Worker opens a connection for every request, and here
// each such session is lent a database connection that is already open. Who must wait waits a while; then it is told "too many" (53300).
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { type Backend, createPool, type Pool } from "./pooler-backends.ts";
import { ASK_PASSWORD, createReader, createWatcher, formatError, formatQuery, parseOpening } from "./pooler-wire.ts";

const CLEANING_MS = 15_000;
const IDLE = "I".charCodeAt(0);

export type Pooler = { url: string; stop(): Promise<void>; figures(): { open: number; idle: number; waiting: number } };

/** The pooler speaks to a database on this machine or a private network; one that wants TLS is left to the Worker's own client. */
function wantsTls(databaseUrl: string): boolean {
  const { searchParams } = new URL(databaseUrl);
  return /^(require|verify-ca|verify-full|true)$/.test(searchParams.get("sslmode") ?? searchParams.get("ssl") ?? "");
}

/** Starts a pooler in front of `databaseUrl`; its own URL asks for the same user, password and database. */
export async function startPooler(databaseUrl: string): Promise<Pooler> {
  if (wantsTls(databaseUrl))
    return { url: databaseUrl, stop: async () => {}, figures: () => ({ open: 0, idle: 0, waiting: 0 }) };
  const target = new URL(databaseUrl);
  const password = decodeURIComponent(target.password);
  const pool = createPool({ host: target.hostname, port: Number(target.port || 5432), password });
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    sockets.add(client);
    client.on("close", () => sockets.delete(client)).on("error", () => client.destroy());
    serve(client, pool, password);
  });
  await listen(server);
  const { port } = server.address() as { port: number };
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  const stop = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    pool.stop();
    await closed;
  };
  return { url: url.href, stop, figures: pool.figures };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => server.on("error", reject).listen(0, "127.0.0.1", () => resolve()));
}

function serve(client: Socket, pool: Pool, password: string): void {
  let held: Buffer = Buffer.alloc(0);
  let startup: Buffer | undefined;
  const refuse = (sqlstate: string, words: string) => void client.end(formatError(sqlstate, words));
  const onData = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    try {
      if (!startup) {
        const opening = parseOpening(held);
        if (!opening) return;
        if (opening.kind === "encryption") {
          held = held.subarray(8);
          return void client.write("N");
        }
        if (opening.kind === "cancel") {
          pool.cancel(opening.packet);
          return void client.end();
        }
        startup = opening.packet;
        held = opening.rest;
        client.write(ASK_PASSWORD);
      }
      const [answer] = createReader()(held);
      if (!answer) return;
      client.off("data", onData).pause();
      if (answer.type !== "p" || !equal(answer.body.subarray(0, -1), Buffer.from(password)))
        return refuse("28P01", "password refused");
      void lend(client, pool, startup);
    } catch {
      client.destroy();
    }
  };
  client.on("data", onData);
}

async function lend(client: Socket, pool: Pool, startup: Buffer): Promise<void> {
  const { backend: borrowed, giveUp } = pool.borrow(startup);
  client.once("close", giveUp);
  const backend = await borrowed;
  client.off("close", giveUp);
  if (!backend) return void client.end(formatError("53300", "too many connections for this machine"));
  if (client.destroyed) return void clean(backend, pool, IDLE);
  relay(client, backend, pool);
}

/** Passes bytes both ways until the client says goodbye; the connection is kept only if the server is known to be waiting for a query. */
function relay(client: Socket, backend: Backend, pool: Pool): void {
  const { socket } = backend;
  let status = IDLE;
  let owed = 0;
  let unsynced = false;
  let goodbye = false;
  const fromClient = createWatcher((type) => {
    if (type === "X") goodbye = true;
    else if (type === "Q" || type === "S" || type === "F") {
      owed++;
      unsynced = false;
    } else if (!"dcf".includes(type)) unsynced = true; // COPY data belongs to the query that asked for it
  });
  const fromBackend = createWatcher((type, first) => {
    if (type !== "Z") return;
    owed--;
    status = first;
  });
  const onClient = (chunk: Buffer) => {
    fromClient(chunk);
    // Goodbye is five bytes and always the last message; it must not reach a server that is to be lent again.
    const passed = goodbye ? chunk.subarray(0, -5) : chunk;
    if (passed.length > 0 && !socket.write(passed)) client.pause();
    if (goodbye) finish();
  };
  const onBackend = (chunk: Buffer) => {
    fromBackend(chunk);
    if (!client.write(chunk)) socket.pause();
  };
  const onClientDrain = () => socket.resume();
  const onBackendDrain = () => client.resume();
  const onBackendClose = () => client.destroy();
  let finished = false;
  const finish = () => {
    if (finished) return;
    finished = true;
    socket.off("data", onBackend).off("drain", onBackendDrain).off("close", onBackendClose);
    client.off("data", onClient).off("drain", onClientDrain);
    client.destroy();
    if (owed === 0 && !unsynced) clean(backend, pool, status);
    else pool.abandon(backend);
  };
  socket.on("data", onBackend).on("drain", onBackendDrain).on("close", onBackendClose);
  client.on("data", onClient).on("drain", onClientDrain).on("close", finish);
  client.write(backend.greeting);
  client.resume();
  socket.resume();
}

/** Leaves nothing of one session to the next: no open transaction, no setting, no prepared statement, no lock. */
function clean(backend: Backend, pool: Pool, status: number): void {
  const { socket } = backend;
  const steps = status === IDLE ? ["discard all"] : ["rollback", "discard all"];
  const read = createReader();
  const timer = setTimeout(() => pool.forget(backend), CLEANING_MS);
  const onData = (chunk: Buffer) => {
    for (const { type } of read(chunk)) {
      if (type === "E") {
        clearTimeout(timer);
        return pool.forget(backend);
      }
      if (type !== "Z") continue;
      const next = steps.shift();
      if (next) {
        socket.write(formatQuery(next));
        continue;
      }
      clearTimeout(timer);
      socket.off("data", onData);
      pool.giveBack(backend);
    }
  };
  socket.on("data", onData).resume();
  socket.write(formatQuery(steps.shift() as string));
}

function equal(one: Buffer, other: Buffer): boolean {
  const [a, b] = [one, other].map((bytes) => createHash("sha256").update(bytes).digest());
  return timingSafeEqual(a as Buffer, b as Buffer);
}
