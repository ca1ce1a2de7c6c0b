// Passes connections on as they are, and counts what goes through in both directions, headers and all.
import { type AddressInfo, connect, createServer } from "node:net";

export type CountingRelay = { url: string; bytes(): number; reset(): void; close(): Promise<void> };

export async function openCountingRelay(target: string): Promise<CountingRelay> {
  const { hostname, port } = new URL(target);
  let bytes = 0;
  const sockets = new Set<ReturnType<typeof connect>>();
  const server = createServer((from) => {
    const to = connect(Number(port), hostname);
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(a);
      a.on("data", (chunk) => {
        bytes += chunk.length;
      });
      a.on("error", () => b.destroy());
      a.on("close", () => sockets.delete(a));
      a.pipe(b);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
    reset() {
      bytes = 0;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
