import { z } from "zod";
import { PROBLEM_CODES, PROBLEM_MEDIA_TYPE } from "#lib/api/problem";
import type { ProblemCode } from "#lib/api/problem";
import { actSchema, planSchema } from "#lib/api/schemas-act";
import { auditRowSchema, problemSchema } from "#lib/api/schemas-hub";
import { incidentDetailSchema, incidentSummarySchema } from "#lib/api/schemas-incident";
import { bridgeViewSchema, instanceSchema, vmAnswerSchema, vmEventSchema, vmSummarySchema } from "#lib/api/schemas-vm";
import { IDEMPOTENCY_HEADER } from "./idempotency.ts";
import { parametersOf, PATH_PARAMETERS, problemsOf, TAGS } from "./operation.ts";
import type { Operation } from "./operation.ts";
import { TITLES } from "./problems.ts";

type Json = Record<string, unknown>;

/** What is named in the document, rather than written out wherever it stands. */
const NAMED = {
  VmSummary: vmSummarySchema,
  VmDetail: vmAnswerSchema,
  Instance: instanceSchema,
  Bridge: bridgeViewSchema,
  VmEvent: vmEventSchema,
  Plan: planSchema,
  Act: actSchema,
  IncidentSummary: incidentSummarySchema,
  IncidentDetail: incidentDetailSchema,
  AuditRow: auditRowSchema,
  Problem: problemSchema,
} as const;

const DESCRIPTION = `The same door for the screen, scripts and the command line, with the same guards.

Times named \`…AtMs\` are Unix milliseconds on the hub's clock; \`…AgeMs\` and \`…AfterMs\` are durations. Lists are newest first: \`before\` and \`limit\` page through them, and \`next\` says where the next page is. What is wrong is answered by a problem document, whose \`code\` is stable. Within \`/api/v1\` members are only added: ignore those that you do not know.`;

/** The OpenAPI 3.1 document of a table of operations. */
export function openApiDocument(operations: readonly Operation[], version: string): Json {
  const schemas = namedSchemas();
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const atPath = (paths[operation.path] ??= pathItem(operation.path));
    atPath[operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: "3.1.1",
    info: { title: "Ripcord", version, description: DESCRIPTION, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "/", description: "This hub" }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ bearer: [] }, { cookie: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "The access token of `dataDir/access-token`" },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: "ripcord_session",
          description: "What browsers get for the token; its name ends in the port",
        },
      },
    },
  };
}

function describe(operation: Operation): Json {
  const parameters = [...queryParameters(operation.query), ...(operation.takesKey ? [keyParameter()] : [])];
  return {
    operationId: operation.operationId,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(operation.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              "application/json": {
                schema: schemaOf(operation.body),
                ...(operation.example === undefined ? {} : { example: operation.example }),
              },
            },
          },
        }),
    responses: { [operation.status]: answerOf(operation), ...problemResponses(problemsOf(operation)) },
    ...(operation.isPublic ? { security: [] } : {}),
    "x-changes": operation.changes,
  };
}

function answerOf({ answer, otherTypes = [] }: Operation): Json {
  const content: Json = {};
  if (answer !== undefined) content["application/json"] = { schema: schemaOf(answer) };
  for (const type of otherTypes) content[type] = { schema: { type: "string" } };
  const description = Object.keys(content).length === 0 ? "Done; nothing to tell" : "As asked for";
  return { description, ...(Object.keys(content).length === 0 ? {} : { content }) };
}

/** By status, since several codes share one. */
function problemResponses(codes: readonly ProblemCode[]): Json {
  const responses: Json = {};
  for (const [status, ofStatus] of Map.groupBy(codes, (code) => PROBLEM_CODES[code])) {
    const schema = { allOf: [{ $ref: "#/components/schemas/Problem" }, { properties: { code: { enum: ofStatus } } }] };
    const examples = Object.fromEntries(ofStatus.map((code) => [code, { value: problemExample(code) }]));
    responses[status] = {
      description: ofStatus.map((code) => `\`${code}\`: ${TITLES[code]}`).join("; "),
      content: { [PROBLEM_MEDIA_TYPE]: { schema, examples } },
    };
  }
  return responses;
}

function problemExample(code: ProblemCode): Json {
  const title = TITLES[code];
  return {
    type: `urn:ripcord:problem:${code}`,
    title,
    status: PROBLEM_CODES[code],
    code,
    detail: `${title}: what was wrong, and what to do`,
  };
}

function pathItem(path: string): Json {
  const parameters = parametersOf(path).map((name) => {
    const { schema, example } = PATH_PARAMETERS[name];
    return { name, in: "path", required: true, schema: schemaOf(schema), example };
  });
  return parameters.length === 0 ? {} : { parameters };
}

function queryParameters(query: z.ZodObject | undefined): Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query) as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: required.includes(name), schema }));
}

function keyParameter(): Json {
  return {
    name: IDEMPOTENCY_HEADER,
    in: "header",
    required: false,
    description: "Letters of your own for this very request. Sent again with the same body within ten minutes, it gets the first answer",
    schema: { type: "string", minLength: 1, maxLength: 128 },
  };
}

/** Open to members that a newer hub adds, hence as input: as output zod would close them. */
function schemaOf(schema: z.ZodType): Json {
  const name = Object.entries(NAMED).find(([, named]) => named === schema)?.[0];
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  const { $schema: _, $defs: _defs, ...rest } = z.toJSONSchema(schema, { io: "input", metadata: registry() }) as Json;
  return pointed(rest) as Json;
}

function namedSchemas(): Record<string, Json> {
  const { schemas } = z.toJSONSchema(registry(), { io: "input", uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { $schema: _, $id: _id, ...rest } = schema as Json;
      return [name, rest];
    }),
  );
}

function registry() {
  const registered = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) registered.add(schema, { id });
  return registered;
}

/** What zod points to within one schema stands among the document's. */
function pointed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) =>
      key === "$ref" && typeof member === "string" ? [key, member.replace("#/$defs/", "#/components/schemas/")] : [key, pointed(member)],
    ),
  );
}
