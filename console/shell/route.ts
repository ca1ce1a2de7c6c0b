/** Where the person is: `#case/2041`. Only screen names and case numbers ever stand in the address bar. */
import { signal } from "@preact/signals";

export type Route = { screen: string; rest: string[] };

function parseRoute(fragment: string): Route {
  const [screen = "", ...rest] = fragment.replace(/^#\/?/, "").split("/");
  return { screen, rest };
}

export const route = signal<Route>(parseRoute(location.hash));

export function go(fragment: string): void {
  location.hash = fragment;
}

addEventListener("hashchange", () => {
  route.value = parseRoute(location.hash);
});
