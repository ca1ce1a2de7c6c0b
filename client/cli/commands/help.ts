/** `help`: commands, the words of each vocabulary, the columns of a list, a description to start from, exit codes. */

import { ExchangeError, PROBLEMS } from "@breakwater/shared/problem.ts";
import { ACTS, AGES, PRODUCTIONS } from "@breakwater/shared/vocab/axes.ts";
import { CATEGORIES } from "@breakwater/shared/vocab/categories.ts";
import {
  AGE_CONFIRMERS,
  CHILD_CERTAINTIES,
  ENTRY_LABELS,
  HUMAN_REVIEWS,
  MEDIA,
  ORIGINS,
  REPORT_DUTIES,
  REQUESTED_ACTIONS,
  SOURCE_FIDELITIES,
  VERIFICATION_LEVELS,
} from "@breakwater/shared/vocab/entries.ts";
import * as indicators from "@breakwater/shared/vocab/indicators.ts";
import { OPINION_REASONS, OPINION_VERDICTS } from "@breakwater/shared/vocab/opinions.ts";
import { WITHDRAWAL_REASONS } from "@breakwater/shared/vocab/reasons.ts";
import { AUDIENCES, SET_KINDS, STREAMS, SURFACES, TIERS, TLP_LABELS } from "@breakwater/shared/vocab/sets.ts";
import * as terms from "@breakwater/shared/vocab/terms.ts";
import * as urls from "@breakwater/shared/vocab/urls.ts";
import type { Word } from "@breakwater/shared/vocab/vocabulary.ts";
import type { Command } from "commander";
import { COLUMNS } from "../../publish/columns.ts";
import { addCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { WHY } from "../match-lines.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { ABOUT_EXAMPLE } from "./about-example.ts";

type Words = Record<string, Word>;

/** By the member that holds the word, as a bad row names it. */
const VOCABULARIES: Record<string, Words> = {
  act: ACTS,
  age: AGES,
  production: PRODUCTIONS,
  category: CATEGORIES,
  media: MEDIA,
  labels: ENTRY_LABELS,
  origin: ORIGINS,
  "verification.level": VERIFICATION_LEVELS,
  human_review: HUMAN_REVIEWS,
  report_duty: REPORT_DUTIES,
  requested_action: REQUESTED_ACTIONS,
  source_fidelity: SOURCE_FIDELITIES,
  child_certainty: CHILD_CERTAINTIES,
  "age_confirmed.by": AGE_CONFIRMERS,
  reason: WITHDRAWAL_REASONS,
  verdict: OPINION_VERDICTS,
  "opinion.reason": OPINION_REASONS,
  why_not_block: Object.fromEntries(Object.entries(WHY).map(([code, label]) => [code, { label }])),
  kind: SET_KINDS,
  stream: STREAMS,
  surfaces: SURFACES,
  tlp: TLP_LABELS,
  tier: TIERS,
  audience: AUDIENCES,
  ...tablesOf(terms, {
    action: "TERM_ACTIONS",
    match: "TERM_MATCHES",
    context: "TERM_CONTEXTS",
    ambiguity: "AMBIGUITIES",
  }),
  ...tablesOf(urls, { role: "URL_ROLES", scope: "URL_SCOPES", status: "URL_STATUSES" }),
  ...tablesOf(indicators, {
    actor: "ACTORS",
    behaviour: "BEHAVIOURS",
    target: "TARGETS",
    phase: "PHASES",
    stages: "STAGES",
    suggested_actions: "INDICATOR_ACTIONS",
    "threshold_hint.measure": "MEASURES",
  }),
};

function tablesOf(module: Record<string, unknown>, names: Record<string, string>): Record<string, Words> {
  return Object.fromEntries(
    Object.entries(names).flatMap(([member, name]) =>
      name in module ? [[member, module[name] as Words] as const] : [],
    ),
  );
}

const EXIT_WORDS: Record<keyof typeof EXIT, string> = {
  ok: "done; match ends with it with or without hits",
  notDone: "not done: nobody answered, or a fault of ours",
  usage: "wrong usage",
  stale: "a copy is stale: its hits ask for review",
  held: "a change is held until a person decides",
  refused: "what was offered did not verify, or the exchange said no",
  badInput: "bad input; nothing was changed",
  busy: "busy; try later",
  stopped: "stopped by you; the same command goes on",
};

export function addHelp(program: Command): void {
  addCommand(program, {
    usage: "help [topic...]",
    summary: "Explain a command, a word list (act, age, category …), list, about, problems or exit-codes.",
    examples: [
      ["breakwater help sync", "a command"],
      ["breakwater help act", "the words of a column"],
      ["breakwater help list", "the columns of a list"],
      ["breakwater help about", "a description to start from"],
    ],
    async run({ terminal }, topic) {
      const name = topic.join(" ");
      if (name === "") program.outputHelp();
      else if (!explain(terminal, name)) findCommand(program, topic).outputHelp();
      return undefined;
    },
  });
}

function explain(terminal: Terminal, topic: string): boolean {
  const words = Object.hasOwn(VOCABULARIES, topic) ? VOCABULARIES[topic] : undefined;
  if (words !== undefined)
    printTable(
      terminal,
      ["word", "means"],
      Object.entries(words).map(([code, { label, hint }]) => [code, hint === undefined ? label : `${label}. ${hint}`]),
    );
  else if (topic === "exit-codes")
    printTable(
      terminal,
      ["code", "means"],
      Object.entries(EXIT).map(([name, code]) => [String(code), EXIT_WORDS[name as keyof typeof EXIT]]),
    );
  else if (topic === "problems")
    printTable(
      terminal,
      ["code", "means"],
      Object.entries(PROBLEMS).map(([code, { title }]) => [code, title]),
    );
  else if (Object.hasOwn(PROBLEMS, topic))
    terminal.print(
      { code: topic, ...PROBLEMS[topic as keyof typeof PROBLEMS] },
      PROBLEMS[topic as keyof typeof PROBLEMS].title,
    );
  else if (topic === "list") {
    for (const [kind, columns] of Object.entries(COLUMNS)) {
      terminal.print(
        { kind, columns: [...columns.keys()] },
        `${kind}:`,
        ...[...columns].map(
          ([column, form]) => `  ${column}${form === "list" ? "  (a|b|c)" : form === "json" ? "  (JSON)" : ""}`,
        ),
      );
    }
  } else if (topic === "about") terminal.printRaw(`${JSON.stringify(ABOUT_EXAMPLE, null, 2)}\n`);
  else return false;
  return true;
}

function printTable(terminal: Terminal, titles: [string, string], rows: string[][]): void {
  if (terminal.json) for (const [code, means] of rows) terminal.print({ code, means });
  else
    terminal.print(
      {},
      ...formatTable(
        titles.map((title) => ({ title })),
        rows,
      ),
    );
}

function findCommand(program: Command, words: string[]): Command {
  return words.reduce<Command>((at, word) => {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) throw new ExchangeError("usage_invalid", { reason: "no_such_topic" });
    return next;
  }, program);
}
