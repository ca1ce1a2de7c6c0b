// Listeners only, all registered before anything is awaited: a wake-up without its listener is lost.
import "../no-eval.ts";
import { type Browser, browser } from "wxt/browser";
import { defineBackground } from "wxt/utils/define-background";
import { offerMenu } from "../acquire/menu.ts";
import { type MenuFacts, pickFromMenu } from "../acquire/pick.ts";
import { isOwnPage, parseRequest, type Request, type Response } from "../messages.ts";
import {
  checkEnrolment,
  deliver,
  eachMinute,
  lockNow,
  MINUTE_ALARM,
  OUTBOX_ALARM,
  readAgain,
  takePick,
} from "../work.ts";

type Tab = Browser.tabs.Tab;
/** Firefox has a sidebar where Chromium has a side panel; the types know only the latter. */
type Sidebar = { sidebarAction?: { open(): Promise<void> } };

/** Must be called in the gesture itself, before the first await. */
function openPanel(tab: Tab | undefined): void {
  const sidebar = (browser as unknown as Sidebar).sidebarAction;
  if (sidebar) void sidebar.open().catch(() => undefined);
  else if (tab?.windowId !== undefined) void browser.sidePanel.open({ windowId: tab.windowId }).catch(() => undefined);
}

function flag(facts: MenuFacts, tab: Tab | undefined): Promise<void> {
  if (tab?.id === undefined) return Promise.resolve();
  const pick = pickFromMenu(facts, { id: tab.id, ...(tab.url ? { url: tab.url } : {}) }, Date.now());
  return pick ? takePick(pick, facts.srcUrl) : Promise.resolve();
}

const ANSWERS: { [Type in Request["type"]]: (request: Extract<Request, { type: Type }>) => Promise<void> } = {
  deliver: () => deliver(),
  check_enrolment: () => checkEnrolment(),
  read_again: ({ pick_id }) => readAgain(pick_id),
};

async function answer(request: Request): Promise<Response> {
  try {
    await (ANSWERS[request.type] as (request: Request) => Promise<void>)(request);
    return { ok: true };
  } catch {
    // The cause could quote a record; the code says where to look.
    return { ok: false, code: `${request.type}_failed` };
  }
}

export default defineBackground(() => {
  browser.runtime.onInstalled.addListener(() => {
    void offerMenu(browser.contextMenus as Parameters<typeof offerMenu>[0]);
    void browser.alarms.create(MINUTE_ALARM, { periodInMinutes: 1 });
  });
  browser.runtime.onStartup.addListener(() => {
    void browser.alarms.create(MINUTE_ALARM, { periodInMinutes: 1 });
    void deliver();
  });
  browser.contextMenus.onClicked.addListener((info, tab) => {
    openPanel(tab);
    void flag(info, tab);
  });
  browser.action.onClicked.addListener((tab) => openPanel(tab));
  browser.commands.onCommand.addListener((command, tab) => {
    if (command === "lock") {
      void lockNow();
      return;
    }
    openPanel(tab);
    if (command === "flag-page") void flag({ menuItemId: "flag-page", pageUrl: tab?.url }, tab);
  });
  browser.alarms.onAlarm.addListener(({ name }) => {
    if (name === OUTBOX_ALARM) void deliver();
    if (name === MINUTE_ALARM) void eachMinute();
  });
  browser.runtime.onMessage.addListener((message, sender, respond) => {
    const request = parseRequest(message);
    const own = { id: browser.runtime.id, origin: self.location.origin };
    if (!request || !isOwnPage(sender, own)) return false;
    void answer(request).then(respond);
    return true;
  });
});
