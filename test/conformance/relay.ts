/** A dishonest relay before an honest exchange: it passes everything on, and bends what a test tells it to. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** @returns the bytes to answer in place of these, whatever the exchange said; undefined leaves its answer as it is */
export type Bend = (path: string, body: Uint8Array) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export type Relay = { url: string; bend: Bend; close(): Promise<void> };

export async function openRelay(exchange: string): Promise<Relay> {
  const relay: Relay = { url: "", bend: () => undefined, close: () => close() };
  const server = createServer(async (request, response) => {
    try {
      const path = request.url as string;
      const { authorization } = request.headers;
      const answer = await fetch(exchange + path, { headers: authorization === undefined ? {} : { authorization } });
      const body = new Uint8Array(await answer.arrayBuffer());
      const bent = await relay.bend(path, body);
      response.writeHead(bent === undefined ? answer.status : 200, {
        "content-type": answer.headers.get("content-type") ?? "",
      });
      response.end(bent ?? body);
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  relay.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return relay;
}
