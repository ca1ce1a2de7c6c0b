/** `/openapi.json` of the daemon, from the schemas that its routes validate with. */

import { PROBLEMS, type ProblemCode } from "@breakwater/shared/problem.ts";
import {
  Health,
  ItemProblem,
  MATCH_BODY_MAX_BYTES,
  MATCH_ITEMS_MAX,
  MATCH_MEDIA_MAX_BYTES,
  MatchAnswer,
  MatchRequest,
  MediaAnswer,
} from "@breakwater/shared/wire/match.ts";
import { z } from "zod";

type Answers = Record<number, { description: string; schema?: z.ZodType; type?: string }>;
type Route = {
  method: "get" | "post";
  path: string;
  summary: string;
  description?: string;
  body?: { type: string; schema?: z.ZodType };
  query?: string[];
  answers: Answers;
  problems: ProblemCode[];
};

const EVERYWHERE: ProblemCode[] = ["origin_mismatch", "unauthenticated"];

const ROUTES: Route[] = [
  {
    method: "post",
    path: "/v1/match",
    summary: "Compare hashes, texts and addresses with the verified copies",
    description: `At most ${MATCH_ITEMS_MAX} items and ${MATCH_BODY_MAX_BYTES} bytes. Answers come in the order of the items; an item that is not valid is answered by a problem in its place. An empty \`hits\` without \`not_compared\` means that nothing is listed.`,
    body: { type: "application/json", schema: MatchRequest },
    answers: { 200: { description: "What was found", schema: MatchAnswer } },
    problems: [
      "json_invalid",
      "request_invalid",
      "request_too_large",
      "content_type_unsupported",
      "match_not_ready",
      "busy",
    ],
  },
  {
    method: "post",
    path: "/v1/match/media",
    summary: "Hash one file in memory and compare it, where the daemon takes media",
    description: `At most ${MATCH_MEDIA_MAX_BYTES} bytes, as application/octet-stream. Hashed in memory and forgotten.`,
    body: { type: "application/octet-stream" },
    query: ["ref", "country"],
    answers: { 200: { description: "The file's hashes, and what was found", schema: MediaAnswer } },
    problems: [
      "media_not_accepted",
      "request_too_large",
      "query_invalid",
      "content_type_unsupported",
      "match_not_ready",
      "busy",
    ],
  },
  {
    method: "get",
    path: "/healthz",
    summary: "How fresh the copies are; 503 past the age that the daemon was started with",
    answers: { 200: { description: "Fresh", schema: Health }, 503: { description: "Not fresh", schema: Health } },
    problems: [],
  },
  {
    method: "get",
    path: "/readyz",
    summary: "Is there a copy to match with, and is the daemon not going down?",
    answers: {
      200: { description: "Ready", schema: z.object({ ready: z.boolean() }) },
      503: { description: "Not ready", schema: z.object({ ready: z.boolean() }) },
    },
    problems: [],
  },
  {
    method: "get",
    path: "/metrics",
    summary: "Counts in Prometheus's text format",
    answers: { 200: { description: "Metrics", type: "text/plain; version=0.0.4; charset=utf-8" } },
    problems: ["match_not_ready"],
  },
];

/** Pure. */
export function openApi(origin: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of ROUTES) paths[route.path] = { ...paths[route.path], [route.method]: describe(route) };
  return {
    openapi: "3.1.0",
    info: {
      title: "Breakwater match daemon",
      version: "1",
      description:
        "Runs on your own machine, over your own verified copies. Refusals are application/problem+json with a `code`.",
    },
    servers: [{ url: origin }],
    security: [{}, { token: [] }],
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "The token of --token-file" } },
    },
    paths,
  };
}

function describe({ summary, description, body, query, answers, problems }: Route): object {
  const codes = [...EVERYWHERE, ...problems];
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  const refusals = [...byStatus].map(([status, own]) => [
    status,
    { description: own.join(", "), content: { "application/problem+json": { schema: schemaOf(ItemProblem) } } },
  ]);
  const given = Object.entries(answers).map(([status, { description: says, schema, type = "application/json" }]) => [
    status,
    { description: says, content: { [type]: schema === undefined ? {} : { schema: schemaOf(schema) } } },
  ]);
  return {
    summary,
    ...(description === undefined ? {} : { description }),
    ...(query === undefined
      ? {}
      : { parameters: query.map((name) => ({ name, in: "query", required: false, schema: { type: "string" } })) }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [body.type]: body.schema === undefined ? {} : { schema: schemaOf(body.schema) } },
          },
        }),
    responses: Object.fromEntries([...refusals, ...given]),
  };
}

function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Record<
    string,
    unknown
  >;
  return rest;
}
