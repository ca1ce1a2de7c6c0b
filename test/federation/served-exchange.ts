/** The whole exchange behind a real port, so that the real command can be pointed at it. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { LogOrigin } from "@breakwater/shared/ids.ts";
import { LOCAL_LOG_ORIGIN } from "../../client/publish/root.ts";
import { openTestExchange, type TestExchange } from "../../exchange/testing/index.ts";

export type ServedExchange = { exchange: TestExchange; origin: string; close(): Promise<void> };

export async function serveExchange(): Promise<ServedExchange> {
  let exchange: TestExchange | undefined;
  const server = createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      exchange?.clock.set(new Date());
      const answer = await (exchange as TestExchange).request(request.url ?? "/", {
        method: request.method ?? "GET",
        headers: request.headers as Record<string, string>,
        ...(body.length > 0 ? { body } : {}),
      });
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  exchange = await openTestExchange({ config: { origin, secure: false, logOrigin: LOCAL_LOG_ORIGIN as LogOrigin } });
  exchange.clock.set(new Date());
  const opened = exchange;
  return {
    exchange: opened,
    origin,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await opened.close();
    },
  };
}
