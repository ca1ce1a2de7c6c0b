// A page of drawn pictures on this machine, so that a flagger has something to report from and a company something to match; beside it stands
// the desk that the demo's hotline names for urgent reports.
import { createServer, type Server } from "node:http";
import { DUTY_DESK_PATH, takeMessage } from "./duty-desk.ts";
import type { Say } from "./home.ts";
import { formatPicture, PICTURES } from "./pictures.ts";

/** The extension reads a picture from the browser's cache and never asks the site again, so it must be allowed to stay there. */
const CACHE_SECONDS = 600;

export type DemoSite = { url: string; dutyDesk: string; stop(): Promise<void> };

/**
 * @param port - where to answer; any free one if that is taken
 * @param say - what the desk was told, a line a message
 */
export async function startDemoSite(port: number, say: Say = () => {}): Promise<DemoSite> {
  const pictures = new Map(PICTURES.map((picture) => [`/pictures/${picture.name}.png`, formatPicture(picture)]));
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (path === DUTY_DESK_PATH) return void takeMessage(request, response, say);
    const picture = pictures.get(path);
    if (picture) {
      response.writeHead(200, {
        "content-type": "image/png",
        "content-length": picture.length,
        "cache-control": `max-age=${CACHE_SECONDS}`,
      });
      return void response.end(picture);
    }
    if (path !== "/") return void response.writeHead(404, { "content-type": "text/plain" }).end("Not here.\n");
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" });
    response.end(formatPage());
  });
  const bound = (await listen(server, port)) ?? (await listen(server, 0));
  if (bound === undefined) throw new Error("The demo page found no free port.");
  const stop = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  const url = `http://127.0.0.1:${bound}/`;
  return { url, dutyDesk: new URL(DUTY_DESK_PATH, url).href, stop };
}

function listen(server: Server, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      server.removeAllListeners("error");
      resolve((server.address() as { port: number }).port);
    });
  });
}

function formatPage(): string {
  const figures = PICTURES.map(
    ({ name, title }) =>
      `<figure><img src="/pictures/${name}.png" width="256" height="256" alt="Drawn picture: ${title}"><figcaption>${title}</figcaption></figure>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Harbour drawings (demo)</title>
<style>body{font:16px/1.5 system-ui;margin:2rem;max-width:60rem}main{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}</style>
<h1>Harbour drawings</h1>
<p>A demo page on this machine. Every picture is drawn from a formula. Right-click one and report it with the Breakwater extension.</p>
<main>
${figures.join("\n")}
</main>
</html>
`;
}
