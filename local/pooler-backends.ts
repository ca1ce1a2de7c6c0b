// The database connections that the pooler lends: opened when asked for, kept for the next session with the same settings, never more than a few.
import { connect as openSocket, type Socket } from "node:net";
import { createAuthenticator } from "./pooler-auth.ts";
import {
  AUTHENTICATION_OK,
  createReader,
  formatCancel,
  formatMessage,
  READY_IDLE,
  startupSettings,
} from "./pooler-wire.ts";

/** Two busy cores gain nothing from more; well below the server's own limit. */
const BACKENDS_MAX = 48;
const WAITING_MAX = 2_000;
const WAIT_MS = 20_000;
const HANDSHAKE_MS = 15_000;

export type Backend = { socket: Socket; key: string; greeting: Buffer; id: string; lent: boolean };
type Waiter = { key: string; packet: Buffer; give: (backend: Backend | undefined) => void };

export type Pool = ReturnType<typeof createPool>;

export function createPool(target: { host: string; port: number; password: string }) {
  const open = new Set<Backend>();
  const idle: Backend[] = [];
  const waiting: Waiter[] = [];
  let opening = 0;
  let stopped = false;

  function forget(backend: Backend): void {
    if (!open.delete(backend)) return;
    const at = idle.indexOf(backend);
    if (at >= 0) idle.splice(at, 1);
    backend.socket.destroy();
    serveNext();
  }

  function sendCancel(packet: Buffer): void {
    const socket = openSocket(target.port, target.host, () => socket.end(packet));
    socket.on("error", () => socket.destroy());
  }

  /** First come, first served. */
  function serveNext(): void {
    while (waiting[0] && provide(waiting[0]));
  }

  /** True if the waiter was served or a connection for it is on its way. */
  function provide(waiter: Waiter): boolean {
    const held = idle.findIndex(({ key }) => key === waiter.key);
    if (held >= 0) {
      waiting.shift();
      const [backend] = idle.splice(held, 1) as [Backend];
      backend.lent = true;
      waiter.give(backend);
      return true;
    }
    if (open.size + opening >= BACKENDS_MAX) {
      // A session with other settings holds the last place without using it.
      const [spare] = idle.splice(0, 1);
      if (!spare) return false;
      open.delete(spare);
      spare.socket.destroy();
    }
    waiting.shift();
    opening++;
    openBackend(target, waiter.packet, waiter.key).then(
      (backend) => {
        opening--;
        if (stopped) return void backend.socket.destroy();
        open.add(backend);
        backend.socket.on("close", () => forget(backend));
        backend.lent = true;
        waiter.give(backend);
      },
      () => {
        opening--;
        waiter.give(undefined);
        serveNext();
      },
    );
    return true;
  }

  return {
    /** A connection opened with the same startup packet, so that its settings are what this client asked for. */
    borrow(packet: Buffer): { backend: Promise<Backend | undefined>; giveUp: () => void } {
      const waiter: Waiter = { key: packet.toString("latin1"), packet, give: () => {} };
      let taken = false;
      const backend = new Promise<Backend | undefined>((resolve) => {
        const timer = setTimeout(() => settle(undefined), WAIT_MS);
        const settle = (given: Backend | undefined) => {
          clearTimeout(timer);
          const at = waiting.indexOf(waiter);
          if (at >= 0) waiting.splice(at, 1);
          // Given after the client went away: it goes straight to the next in line.
          if (given && taken) return this.giveBack(given);
          taken = true;
          resolve(given);
        };
        waiter.give = settle;
        if (waiting.length >= WAITING_MAX || stopped) return settle(undefined);
        waiting.push(waiter);
        serveNext();
      });
      return { backend, giveUp: () => waiter.give(undefined) };
    },
    giveBack(backend: Backend): void {
      backend.lent = false;
      if (!open.has(backend)) return;
      idle.push(backend);
      serveNext();
    },
    forget,
    /** The client left in the middle of something: what still runs for it is stopped, or it would hold its locks to the end. */
    abandon(backend: Backend): void {
      sendCancel(formatCancel(backend.id));
      forget(backend);
    },
    /** Only for a session that has its connection now: an old request to cancel must not hit whoever holds it next. */
    cancel(packet: Buffer): void {
      const id = packet.subarray(8).toString("latin1");
      if (![...open].some((backend) => backend.lent && backend.id === id)) return;
      sendCancel(packet);
    },
    figures: () => ({ open: open.size, idle: idle.length, waiting: waiting.length }),
    stop(): void {
      stopped = true;
      for (const backend of [...open]) forget(backend);
      for (const waiter of [...waiting]) waiter.give(undefined);
    },
  };
}

function openBackend(
  target: { host: string; port: number; password: string },
  packet: Buffer,
  key: string,
): Promise<Backend> {
  return new Promise((resolve, reject) => {
    const socket = openSocket({ port: target.port, host: target.host, noDelay: true });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(HANDSHAKE_MS, () => fail(new Error("the database does not answer")));
    socket.once("error", fail).once("close", () => fail(new Error("the database hung up")));
    const authenticate = createAuthenticator(startupSettings(packet).user ?? "", target.password);
    const read = createReader();
    const greeting: Buffer[] = [AUTHENTICATION_OK];
    let id = "";
    const onData = (chunk: Buffer) => {
      try {
        for (const { type, body } of read(chunk)) {
          if (type === "E") return fail(new Error("the database refused the session"));
          if (type === "R") {
            const answer = authenticate(body);
            if (answer) socket.write(answer);
          } else if (type === "Z") {
            socket.off("data", onData).removeAllListeners("close").removeAllListeners("error").setTimeout(0);
            socket.on("error", () => socket.destroy());
            return resolve({ socket, key, greeting: Buffer.concat([...greeting, READY_IDLE]), id, lent: false });
          } else {
            if (type === "K") id = body.toString("latin1");
            greeting.push(formatMessage(type, body));
          }
        }
      } catch (error) {
        fail(error as Error);
      }
    };
    socket.on("connect", () => socket.write(packet)).on("data", onData);
  });
}
