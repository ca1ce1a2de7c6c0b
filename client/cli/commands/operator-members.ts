/** `operator members|people|sign-in-link`: organisations and the people in them. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { NewMember, NewPerson } from "@breakwater/shared/wire/members.ts";
import type { Command } from "commander";
import type { z } from "zod";
import { addCommand, addGroup } from "../command.ts";
import { formatTable } from "../table.ts";
import { formatTime } from "../words.ts";

type AddOptions = {
  title?: string;
  role: string[];
  tier: string;
  publisher?: string;
  custody?: string;
  hotline?: string;
  rung3?: boolean;
};

const collect = (value: string, before: string[] = []) => [...before, ...value.split(",")];

export function addMemberCommands(operator: Command): void {
  const members = addGroup(operator, "members", "Organisations.", [
    ["breakwater operator members list", "all of them"],
  ]);
  addCommand<AddOptions>(members, {
    usage: "add <name>",
    summary: "Admit an organisation.",
    examples: [
      ["breakwater operator members add company --role subscriber --tier vetted", "a subscriber"],
      [
        "breakwater operator members add hotline --role publisher,hotline --tier vetted --publisher hotline.example --custody exchange",
        "a hotline",
      ],
    ],
    options: (command) =>
      command
        .requiredOption(
          "--role <roles>",
          "publisher, subscriber, hotline, flagger, sme, authorised_body, operator",
          collect,
        )
        .requiredOption("--tier <tier>", "test, agreed or vetted")
        .option("--title <text>", "the name that people read")
        .option("--publisher <name>", "the DNS name that it publishes under")
        .option("--custody <who>", "who holds its release key: member or exchange")
        .option("--hotline <name>", "the hotline that its flaggers report to")
        .option("--rung3", "its policy allows screen capture"),
    async run(context, [name], options) {
      const { terminal } = context;
      const request: Record<string, unknown> = { name, roles: options.role, tier: options.tier };
      for (const member of ["title", "publisher", "custody", "hotline", "rung3"] as const) {
        if (options[member] !== undefined) request[member] = options[member];
      }
      const member = await (await context.exchange()).operator.addMember(parseRequest(NewMember, request));
      terminal.print(
        member,
        terminal.mark("done", `admitted  ${member.name}  ${member.roles.join(", ")}  tier ${member.tier}`),
      );
      return undefined;
    },
  });
  addCommand(members, {
    usage: "list",
    summary: "List the organisations.",
    examples: [["breakwater operator members list --json", "one JSON object a line"]],
    async run(context) {
      const { terminal } = context;
      const list = await (await context.exchange()).operator.listMembers();
      if (terminal.json) for (const member of list) terminal.print(member);
      else {
        const columns = ["name", "title", "roles", "tier", "publisher", "state"].map((title) => ({ title }));
        const rows = list.map((member) => [
          member.name,
          member.title,
          member.roles.join(", "),
          member.tier,
          member.publisher ?? "-",
          member.suspended_at === undefined ? "active" : "suspended",
        ]);
        terminal.print({}, ...formatTable(columns, rows));
      }
      return undefined;
    },
  });
  addPeople(operator);
}

function addPeople(operator: Command): void {
  const people = addGroup(operator, "people", "People of an organisation.", [
    ["breakwater operator people list hotline", "who may sign in"],
  ]);
  addCommand<{ role: string[] }>(people, {
    usage: "add <member> <name>",
    summary: "Add a person who signs in to the console.",
    examples: [['breakwater operator people add hotline "A. Analyst" --role analyst', "an analyst"]],
    options: (command) =>
      command.requiredOption("--role <roles>", "analyst, publisher, administrator, operator, subscriber", collect),
    async run(context, [member, name], options) {
      const request = parseRequest(NewPerson, { name, roles: options.role });
      const { person_id } = await (await context.exchange()).operator.addPerson(member as string, request);
      context.terminal.print({ person_id }, context.terminal.mark("done", `person added  ${person_id}`));
      return undefined;
    },
  });
  addCommand(people, {
    usage: "list <member>",
    summary: "List the people of an organisation.",
    examples: [["breakwater operator people list hotline", "who may sign in"]],
    async run(context, [member]) {
      const { terminal } = context;
      const list = await (await context.exchange()).operator.listPeople(member as string);
      if (terminal.json) for (const person of list) terminal.print(person);
      else {
        const columns = ["person", "name", "roles"].map((title) => ({ title }));
        terminal.print(
          {},
          ...formatTable(
            columns,
            list.map((person) => [person.person_id, person.name, person.roles.join(", ")]),
          ),
        );
      }
      return undefined;
    },
  });
  addCommand(operator, {
    usage: "sign-in-link <person>",
    summary: "Print a link that signs a person in once, within 15 minutes.",
    about: "Hand it over in person or by a channel that you trust: whoever opens it first is signed in.",
    examples: [["breakwater operator sign-in-link 0193…", "a fresh link"]],
    async run(context, [person]) {
      const { terminal } = context;
      const link = await (await context.exchange()).operator.makeSignInLink(person as string);
      if (terminal.json) terminal.print(link);
      // Made to be opened, so it is the one address that is not defanged.
      else terminal.printRaw(`${link.url}\n`);
      terminal.note(`  works once, until ${formatTime(new Date(link.expires_at))}`);
      return undefined;
    },
  });
}

/** The exchange's own schema, so that a wrong word is told before anything is sent. */
function parseRequest<Schema extends z.ZodType>(schema: Schema, request: unknown): z.output<Schema> {
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  throw new ExchangeError("usage_invalid", {
    reason: `not_valid_${parsed.error.issues[0]?.path.join("_") || "options"}`,
  });
}
