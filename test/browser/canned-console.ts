/** Serves the built console under the exchange's content policy with made-up answers, so that every state of a screen can be shown. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
};
export const CONTENT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export type Canned = { status?: number; body: unknown };
/** By `METHOD /path?query`; what is not there answers 404 as the exchange would. */
export type Answers = Record<string, Canned>;

export type CannedConsole = { url: string; answers: Answers; seen: string[]; close: () => Promise<void> };

export async function openCannedConsole(dist: string): Promise<CannedConsole> {
  const answers: Answers = {};
  const seen: string[] = [];
  const server: Server = createServer(async (request, response) => {
    const path = request.url ?? "/";
    response.setHeader("Content-Security-Policy", CONTENT_POLICY);
    if (path.startsWith("/v1/")) {
      seen.push(`${request.method} ${path}`);
      const canned = answers[`${request.method} ${path}`] ?? {
        status: 404,
        body: { code: "not_found", title: "Not found", status: 404 },
      };
      response.writeHead(canned.status ?? 200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(canned.body));
      return;
    }
    const wanted = normalize(join(dist, path.split("?")[0] ?? "/"));
    const file = wanted.startsWith(dist) && extname(wanted) !== "" ? wanted : join(dist, "index.html");
    const bytes = await readFile(file).catch(() => undefined);
    response.writeHead(bytes ? 200 : 404, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    answers,
    seen,
    close: () => new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve()))),
  };
}
