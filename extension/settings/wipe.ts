// Deletes everything this extension keeps in this browser: keys, unsent reports, drafts, history, settings.
import { browser } from "wxt/browser";
import { tellOthers } from "../browser-ports.ts";
import { type Database, eraseDatabase } from "../database.ts";

export async function wipeDevice(db: Database): Promise<void> {
  db.close();
  await eraseDatabase();
  await browser.storage.session.clear();
  await browser.storage.local.clear();
  tellOthers("wiped");
  location.reload();
}
