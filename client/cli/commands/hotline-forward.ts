/** `hotline forward`: who is told of urgent reports, at once and when nobody acknowledges. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { addCommand } from "../command.ts";

type ForwardOptions = { to: string; url?: string; alertUrl?: string };

export function addForward(hotline: Command): void {
  addCommand<ForwardOptions>(hotline, {
    usage: "forward",
    summary: "Name who is told of urgent reports: at once, and when nobody acknowledges within 15 minutes.",
    about:
      "Without --url nobody is told after 15 minutes, and flaggers read exactly that. An address gets codes only, by POST.\n" +
      "Each call replaces what was named before: an address that is left out is taken back.",
    examples: [
      [
        'breakwater hotline forward --to "Police, duty desk" --url https://desk.example/in --alert-url https://pager.example/in',
        "both",
      ],
      ['breakwater hotline forward --to "Police, duty desk"', "only a name on the analysts' screen"],
    ],
    options: (command) =>
      command
        .requiredOption("--to <name>", "who takes over, as analysts read it")
        .option("--url <url>", "where they are told when nobody acknowledges within 15 minutes")
        .option("--alert-url <url>", "where your own people are told at once"),
    async run({ terminal, exchange }, _args, { to, url, alertUrl }) {
      for (const address of [url, alertUrl]) if (address !== undefined) checkAddress(address);
      const named = await (await exchange()).hotline.nameForward({
        to,
        ...(url === undefined ? {} : { url }),
        ...(alertUrl === undefined ? {} : { alert_url: alertUrl }),
      });
      terminal.print(
        named,
        named.alerts
          ? terminal.mark("done", "told at once, besides the console's banner")
          : terminal.mark("caution", "nobody is told at once: only the console's banner shows it"),
        named.delivers
          ? terminal.mark("done", `passed on to ${named.to} when nobody acknowledges within 15 minutes`)
          : terminal.mark("caution", `not passed on: analysts read that they have to call ${named.to}`),
      );
      return undefined;
    },
  });
}

/** What cannot be an address at all; which addresses may be used is the exchange's rule. @throws ExchangeError `url_invalid` */
function checkAddress(text: string): void {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new ExchangeError("url_invalid", { reason: "form" });
}
