// Finds, in the page, the element that a person clicked, and says where on the screen it is.
import type { Place } from "./reading.ts";

export type MediaElement = HTMLImageElement | HTMLVideoElement;

/** Where to stop on a page that nests shadow roots without end. */
const ROOTS_MAX = 2000;

type OpenShadow = (element: Element) => ShadowRoot | null;

/** Closed roots open only to extensions, and by another name in each browser. */
function shadowOpener(): OpenShadow {
  const dom = (globalThis as { chrome?: { dom?: { openOrClosedShadowRoot?: (e: Element) => ShadowRoot | null } } })
    .chrome?.dom;
  return (element) => {
    const own = (element as Element & { openOrClosedShadowRoot?: ShadowRoot | null }).openOrClosedShadowRoot;
    if (own !== undefined) return own;
    if (dom?.openOrClosedShadowRoot && element instanceof HTMLElement) return dom.openOrClosedShadowRoot(element);
    return element.shadowRoot;
  };
}

/** What the element shows now: with srcset and <picture>, `src` is often another file. */
export function shownAddress(element: MediaElement): string {
  return element.currentSrc || element.src;
}

export function findMedia(
  root: Document,
  address: string,
  openShadow: OpenShadow = shadowOpener(),
): MediaElement | undefined {
  const roots: (Document | ShadowRoot)[] = [root];
  for (let i = 0; i < roots.length && i < ROOTS_MAX; i += 1) {
    for (const element of (roots[i] as Document | ShadowRoot).querySelectorAll("*")) {
      const isMedia = element instanceof HTMLImageElement || element instanceof HTMLVideoElement;
      if (isMedia && shownAddress(element) === address) return element;
      // Only custom elements and a few plain ones may hold a root; asking all of them costs microseconds.
      const inner = openShadow(element);
      if (inner) roots.push(inner);
    }
  }
  return undefined;
}

/** Five points: the middle and a little inside each corner. All must be the item itself. */
const SAMPLE_AT = [
  [0.5, 0.5],
  [0.05, 0.05],
  [0.95, 0.05],
  [0.05, 0.95],
  [0.95, 0.95],
] as const;

/** Undefined in a frame: its co-ordinates are not the screen's. */
export function placeOf(element: MediaElement): Place | undefined {
  if (window.top !== window) return undefined;
  const rect = element.getBoundingClientRect();
  if (rect.width <= 0 || rect.height <= 0) return undefined;
  const rootNode = element.getRootNode() as Document | ShadowRoot;
  const covered = SAMPLE_AT.some(
    ([fx, fy]) => rootNode.elementFromPoint(rect.x + rect.width * fx, rect.y + rect.height * fy) !== element,
  );
  return { x: rect.x, y: rect.y, width: rect.width, height: rect.height, scale: window.devicePixelRatio, covered };
}
