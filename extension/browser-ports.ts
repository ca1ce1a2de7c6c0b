// The browser's own stores and pages as the small ports that the rules here ask for.
import { browser } from "wxt/browser";
import { ADDRESS_MAX_CHARS } from "./acquire/limits.ts";
import type { PickMemory } from "./acquire/pick.ts";
import type { PagePorts } from "./acquire/read.ts";
import { Place } from "./acquire/reading.ts";
import type { SessionMemory } from "./keys/vault.ts";
import type { LocalArea } from "./settings/settings.ts";

/** In memory only, in both browsers; never written to the disk and closed to content scripts. */
export const pickMemory: PickMemory = {
  get: (name) => browser.storage.session.get(name),
  set: (values) => browser.storage.session.set(values),
  remove: (name) => browser.storage.session.remove(name),
};

export const sessionMemory: SessionMemory = {
  get: async (name) => {
    const value = (await browser.storage.session.get(`secret:${name}`))[`secret:${name}`];
    return typeof value === "string" ? value : undefined;
  },
  set: (name, value) => browser.storage.session.set({ [`secret:${name}`]: value }),
  remove: (name) => browser.storage.session.remove(`secret:${name}`),
};

export const localArea: LocalArea = {
  get: (name) => browser.storage.local.get(name),
  set: (values) => browser.storage.local.set(values),
};

const READER = "/collect.js";

type Asked = {
  breakwaterRead?: (request: { address: string }) => unknown;
  breakwaterPlace?: (address: string) => unknown;
};

export const pagePorts: PagePorts = {
  readInFrame: async (tabId, frameId, address) => {
    const target = { tabId, frameIds: [frameId] };
    await browser.scripting.executeScript({ target, files: [READER] });
    const [answer] = await browser.scripting.executeScript({
      target,
      func: (asked: string) => (globalThis as unknown as Asked).breakwaterRead?.({ address: asked }),
      args: [address],
    });
    return answer?.result;
  },
  placeInFrame: async (tabId, address) => {
    const [answer] = await browser.scripting.executeScript({
      target: { tabId, frameIds: [0] },
      func: (asked: string) => (globalThis as unknown as Asked).breakwaterPlace?.(asked),
      args: [address.slice(0, ADDRESS_MAX_CHARS)],
    });
    return Place.safeParse(answer?.result).data;
  },
  captureTab: async (tabId) => {
    const tab = await browser.tabs.get(tabId);
    if (!tab.active || tab.windowId === undefined) return "";
    return browser.tabs.captureVisibleTab(tab.windowId, { format: "png" });
  },
};

/** Tells the other windows and the worker that something changed; it says which store, and nothing of what is in it. */
export type News = "outbox" | "enrolment" | "vault" | "wiped";
const CHANNEL = "breakwater";

export function tellOthers(news: News): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(news);
  channel.close();
}

export function onNews(listen: (news: News) => void): void {
  new BroadcastChannel(CHANNEL).onmessage = ({ data }) => {
    if (data === "outbox" || data === "enrolment" || data === "vault" || data === "wiped") listen(data);
  };
}
