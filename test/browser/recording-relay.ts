/** Stands before the exchange and keeps the bytes of every request body, so that a test can look at what really arrived. */
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";

export type Recorded = { method: string; path: string; body: Buffer };
export type Relay = {
  url: string;
  requests: Recorded[];
  pointAt: (target: string) => void;
  close: () => Promise<void>;
};

export async function startRelay(): Promise<Relay> {
  const requests: Recorded[] = [];
  let target = "";
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      requests.push({ method: incoming.method ?? "", path: incoming.url ?? "", body });
      // The browser's own Host is passed on: the exchange compares Origin with its name, not with this.
      const onward = forward(
        `${target}${incoming.url}`,
        { method: incoming.method, headers: incoming.headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      onward.on("error", () => outgoing.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    pointAt: (url) => {
      target = url;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
