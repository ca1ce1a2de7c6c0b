// A web page with drawings on it, and a count of every request for them: a flagged picture is never asked for again.
import { createServer } from "node:http";
import { drawRgb, encodePng, toRgba } from "../drawings/index.ts";

export type Site = { origin: string; hits: Map<string, number>; files: Map<string, Buffer>; close(): Promise<void> };

const SIDE_PX = 256;

function picture(seed: number, side = SIDE_PX): Buffer {
  return Buffer.from(encodePng(drawRgb("value", [seed, 32], side, side)));
}

/** @param otherOrigin - where the picture of another site lies */
function pageOf(otherOrigin: string): string {
  return `<!doctype html><html lang="en"><head><title>Thread 1042</title></head><body><h1>Thread 1042</h1>
<img id="main" src="/drawing-1.png" alt="a drawing" width="256" height="256">
<img id="tiny" src="/tiny.png" alt="" width="32" height="32">
<img id="flat" src="/flat.png" alt="" width="128" height="128">
<img id="gone" src="/not-kept.png" alt="" width="128" height="128">
<img id="other" src="${otherOrigin}/drawing-2.png" alt="" width="128" height="128">
<picture><source srcset="/drawing-3.png"><img id="set" src="/drawing-1.png" alt="" width="128"></picture>
<div id="shadow"></div>
<script src="/page.js"></script></body></html>`;
}

// A closed shadow root, a picture made in the page, and a listener that would notice anything done to the page.
const SCRIPT = `
const root = document.getElementById("shadow").attachShadow({ mode: "closed" });
root.innerHTML = '<img src="/drawing-4.png" alt="" width="128">';
fetch("/drawing-5.png").then((r) => r.blob()).then((blob) => {
  const img = document.createElement("img");
  img.id = "blob";
  img.src = URL.createObjectURL(blob);
  document.body.append(img);
  img.decode().then(() => {
    window.changes = 0;
    new MutationObserver((list) => { window.changes += list.length; })
      .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    window.ready = true;
  });
});`;

export async function startSite(otherOrigin: string): Promise<Site> {
  const files = new Map<string, Buffer>([
    ["/tiny.png", picture(9, 32)],
    ["/flat.png", Buffer.from(encodePng(drawRgb("flat", [90, 90, 90], 128, 128)))],
    ["/not-kept.png", picture(8, 128)],
    ...[1, 2, 3, 4, 5].map((n) => [`/drawing-${n}.png`, picture(n)] as const),
  ]);
  const hits = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0] as string;
    hits.set(path, (hits.get(path) ?? 0) + 1);
    const file = files.get(path);
    if (file) {
      const cache = path === "/not-kept.png" ? "no-store" : "max-age=600";
      response.writeHead(200, { "content-type": "image/png", "cache-control": cache }).end(file);
    } else if (path === "/page.js") response.writeHead(200, { "content-type": "text/javascript" }).end(SCRIPT);
    // What the page's own policy forbids its scripts does not hold up the reader, and the page learns nothing.
    else response.writeHead(200, { "content-type": "text/html" }).end(pageOf(otherOrigin));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    hits,
    files,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export { SIDE_PX, toRgba };
