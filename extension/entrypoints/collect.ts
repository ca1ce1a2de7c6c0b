// Injected on a click, into the clicked frame only: offers the page reader to the next call of the background.
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import { findMedia, placeOf } from "../acquire/element.ts";
import { readFromPage } from "../acquire/read-page.ts";

declare global {
  /** These live in the extension's isolated world; no script of the page can see or replace them. */
  var breakwaterRead: typeof readFromPage | undefined;
  var breakwaterPlace: ((address: string) => ReturnType<typeof placeOf>) | undefined;
}

export default defineUnlistedScript(() => {
  globalThis.breakwaterRead = readFromPage;
  globalThis.breakwaterPlace = (address) => {
    const element = findMedia(document, address);
    return element && placeOf(element);
  };
});
