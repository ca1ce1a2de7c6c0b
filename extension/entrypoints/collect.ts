// Injected on a click, into the clicked frame only: offers the page reader to the next call of the background.
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import { readFromPage } from "../acquire/read-page.ts";

declare global {
  /** Lives in the extension's isolated world; no script of the page can see or replace it. */
  var breakwaterRead: typeof readFromPage | undefined;
}

export default defineUnlistedScript(() => {
  globalThis.breakwaterRead = readFromPage;
});
