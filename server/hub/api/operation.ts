import type { z } from "zod";
import { actIdSchema, incidentIdSchema, vmIdSchema } from "#lib/api/requests";
import { receiverNameSchema } from "#lib/config/notify-schema";
import type { ProblemCode } from "#lib/api/problem";
import type { Actor } from "../store/audit-log.ts";
import { ProblemError } from "./problem-error.ts";
import { readBody, readQuery } from "./read-body.ts";

/**
 * One operation of the API: what it is called, what it takes and answers, and what it does. The router and the OpenAPI
 * document are both made of these, so that neither can know one that the other does not.
 */
interface Described {
  /** In camelCase; unique. */
  operationId: string;
  method: "GET" | "POST" | "DELETE";
  /** As OpenAPI writes it: `/api/v1/vms/{vmId}`. What stands in braces is one of PATH_PARAMETERS. */
  path: string;
  tag: Tag;
  /** One line, without a full stop. */
  summary: string;
  description?: string;
  /** Of the answer when all is well. */
  status: number;
  /** Of its JSON; absent where there is none. */
  answer?: z.ZodType;
  /** Media types of the answer beside, or instead of, JSON. */
  otherTypes?: readonly string[];
  /** Beside those that follow from what it takes; see `problemsOf`. */
  problems?: readonly ProblemCode[];
  /** Whether anything is another way after it. */
  changes: boolean;
  /** Answers those who are not signed in as well. */
  isPublic?: boolean;
  /** The same `Idempotency-Key` gets the same answer, and the thing is done once. */
  takesKey?: boolean;
  /** A body that shows how to ask. */
  example?: unknown;
}

export interface Call<Query, Body> {
  request: Request;
  actor: Actor;
  /** Of the path, checked. */
  params: Readonly<Record<string, string>>;
  query: Query;
  body: Body;
}

export interface Operation extends Described {
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Checks what came, in the order path, query, body, and answers. @throws ProblemError */
  run(call: { request: Request; actor: Actor; param(name: string): string }): Promise<Response>;
}

export const TAGS = {
  fleet: "VMs, bridges and what happened to them",
  acts: "Plan, confirm, act, verify",
  incidents: "VMs in trouble with one cause",
  record: "Who did what, when",
  hub: "The hub itself",
} as const;
export type Tag = keyof typeof TAGS;

/** What may stand in a path, and what is said where there is nothing by it. */
export const PATH_PARAMETERS = {
  vmId: { schema: vmIdSchema, missing: "There is no VM by this id", example: "3f2a9c41d0" },
  actId: { schema: actIdSchema, missing: "There is no act by this id", example: "act-5d0c2a" },
  receiver: { schema: receiverNameSchema, missing: "The configuration names no receiver like this", example: "on-call" },
  incidentId: { schema: incidentIdSchema, missing: "There is no incident by this id", example: "inc-7b1e" },
} as const;
export type PathParameter = keyof typeof PATH_PARAMETERS;

type Parsed<Schema> = Schema extends z.ZodType ? z.infer<Schema> : undefined;
interface Spec<Query, Body> extends Described {
  query?: Query;
  body?: Body;
  answerCall(call: Call<Parsed<Query>, Parsed<Body>>): Response | Promise<Response>;
}

/** Makes one operation; `answerCall` gets what its schemas made of the request. */
export function operation<Query extends z.ZodObject | undefined = undefined, Body extends z.ZodType | undefined = undefined>({
  answerCall,
  ...spec
}: Spec<Query, Body>): Operation {
  const names = parametersOf(spec.path);
  return {
    ...spec,
    async run({ request, actor, param }) {
      const params = Object.fromEntries(names.map((name) => [name, readParameter(name, param(name))]));
      const query = (spec.query && readQuery(request, spec.query)) as Parsed<Query>;
      const body = (spec.body && (await readBody(request, spec.body))) as Parsed<Body>;
      return answerCall({ request, actor, params, query, body });
    },
  };
}

/** The names in the braces of a path. */
export function parametersOf(path: string): PathParameter[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => {
    if (name === undefined || !(name in PATH_PARAMETERS)) throw new Error(`Nothing is known of {${name}} in ${path}`);
    return name as PathParameter;
  });
}

/** Every code that an operation can answer, those that follow from what it takes included. */
export function problemsOf(operation: Operation): ProblemCode[] {
  const codes = new Set<ProblemCode>(["foreign-host", "foreign-origin", "internal", ...(operation.problems ?? [])]);
  if (!operation.isPublic) codes.add("not-signed-in");
  // A path that does not decode is refused before it leads anywhere.
  if (operation.path.includes("{")) for (const code of ["bad-request", "not-found"] as const) codes.add(code);
  if (operation.takesKey) codes.add("key-reused");
  if (operation.query) codes.add("bad-request");
  if (operation.body) for (const code of ["bad-request", "too-large", "unsupported-media-type"] as const) codes.add(code);
  return [...codes];
}

function readParameter(name: PathParameter, value: string): string {
  const { schema, missing } = PATH_PARAMETERS[name];
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ProblemError("not-found", missing);
  return parsed.data;
}
