import { Ajv2020 } from "ajv/dist/2020.js";
import type { ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { IncidentList } from "#lib/api/incident";
import { notifySchema } from "#lib/config/notify-schema";
import type { ResolvedConfig } from "#server/config/read-config";
import type { PathParameter } from "#server/hub/api/operation";
import { startTestHub, testConfig } from "./support/hub.ts";
import type { TestHub } from "./support/hub.ts";
import { hungVm, vmReport } from "./support/vm-report.ts";

/**
 * Every operation of the API's own document, with what it takes, with what it does not, and with what nobody should send.
 * What comes back must be what the document says of that operation, to the last member; never a failure of the hub.
 */
interface Schema {
  [key: string]: unknown;
}
interface Described {
  operationId: string;
  parameters?: { name: string; in: "query" | "header" }[];
  requestBody?: { content: Record<string, { schema: Schema; example: unknown }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
  security?: unknown[];
}
interface Document {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema> };
}
interface Asked {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}
interface Answered {
  status: number;
  type: string | undefined;
  allow: string | undefined;
  text: string;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const JSON_TYPE = { "content-type": "application/json" };

// The table of tests is made of the document, so the document is asked for before they are.
const dataDir = mkdtempSync(join(tmpdir(), "ripcord-contract-"));
const receiving = createServer((_request, response) => void response.end()).listen(0, "127.0.0.1");
await once(receiving, "listening");
const ripcord: TestHub = await startTestHub({ dataDir, resolved: configTelling(receiving.address() as AddressInfo) });
const document = closed((await ripcord.call("/api/openapi.json")).body) as Document;
const operations = Object.entries(document.paths).flatMap(([path, atPath]) =>
  Object.entries(atPath).flatMap(([method, described]) =>
    method === "parameters" ? [] : [{ ...described, path, method: method.toUpperCase(), title: `${method.toUpperCase()} ${path}` }],
  ),
);
type Operation = (typeof operations)[number];
const ajv = new Ajv2020({ strict: false, validateFormats: false });
const validators = new Map<string, ValidateFunction>();
ajv.addSchema(document as unknown as Schema, "doc");

/** Of what is really there, for every name that stands in a path. */
const ids: Record<PathParameter, string> = { vmId: "hung00", incidentId: "", actId: "", receiver: "on-call" };
let planId = "";

/** A body that each operation takes; one that is missing here fails the first test. */
const bodies: Record<string, () => unknown> = {
  makePlan: () => ({ action: "yank", targets: [{ vmId: "hung01", instances: [{ type: "block-node", "node-name": "nbd0" }] }] }),
  confirmPlan: () => ({ planId, typedName: "hung00", reason: "it hangs" }),
  noteIncident: () => ({ text: "noted" }),
  acknowledgeIncident: () => ({ who: "Kim", forMs: 60_000 }),
  resolveIncident: () => ({ reason: "over" }),
  openSession: () => ({ token: "any" }),
};

beforeAll(async () => {
  ripcord.bridge({ vms: [hungVm({ vmId: "hung00" }), hungVm({ vmId: "hung01" }), vmReport({ vmId: "well00", tags: ["web"] })] });
  await vi.waitUntil(() => ripcord.hub.fleet.detail("hung01")?.incidentId !== undefined, { timeout: 5_000 });
  const instances = [{ type: "block-node", "node-name": "nbd0" }];
  const plan = await ripcord.call("/api/v1/plans", { action: "yank", targets: [{ vmId: "hung00", instances }] });
  planId = plan.body.planId as string;
  const act = await ripcord.call("/api/v1/acts", bodies.confirmPlan?.());
  if (act.status !== 202) throw new Error(`There is no act to ask for: ${JSON.stringify(act.body)}`);
  ids.actId = act.body.actId as string;
  const list = (await ripcord.call("/api/v1/incidents")).body as unknown as IncidentList;
  ids.incidentId = list.incidents[0]?.incidentId ?? "";
});
afterAll(async () => {
  await ripcord.close();
  receiving.close();
  rmSync(dataDir, { recursive: true });
});

/** One receiver, so that there is one to test. */
function configTelling({ port }: AddressInfo): ResolvedConfig {
  const resolved = testConfig(dataDir);
  const notify = notifySchema.parse([{ name: "on-call", type: "webhook", template: "slack", url: `http://127.0.0.1:${port}/` }]);
  return { ...resolved, config: { ...resolved.config, notify } };
}

/** fetch tidies up what it is given; this sends it as it is. */
function send({ method, path, headers = {}, body }: Asked, base = ripcord.hub.url): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(base);
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const request = httpRequest({ hostname, port, method, path, headers: { host, ...length, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      const answered = () => {
        const { "content-type": type, allow } = response.headers;
        resolve({ status: response.statusCode ?? 0, type, allow, text: Buffer.concat(chunks).toString() });
      };
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        // A stream has no end: its beginning is what it is judged by.
        if (type(response.headers["content-type"]) === "text/event-stream") {
          response.destroy();
          answered();
        }
      });
      response.on("end", answered);
    });
    request.once("error", reject);
    request.end(body);
  });
}

function pathOf({ path }: Operation, idOf = (name: PathParameter) => ids[name]): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: PathParameter) => idOf(name));
}

function validOf(operation: Operation): Asked {
  const body = bodies[operation.operationId];
  const { method } = operation;
  return { method, path: pathOf(operation), ...(body ? { headers: JSON_TYPE, body: JSON.stringify(body()) } : {}) };
}

/** Holds an answer to what the document says of the operation. */
function judge(operation: Operation, answered: Answered, asked: Asked): void {
  const of = `${asked.method} ${asked.path.slice(0, 200)} ${asked.body?.slice(0, 200) ?? ""} → ${answered.status} ${answered.text.slice(0, 300)}`;
  expect(answered.status, of).not.toBe(500);
  expect(answered.text, of).not.toMatch(/node_modules|\.ts\b|at \w+ \(|SQLITE|ZodError/);
  const response = operation.responses[answered.status];
  expect(response, `${of}: this status is not in the document`).toBeDefined();
  if (!response?.content) return expect(answered.text, of).toBe("");
  const stated = Object.keys(response.content).find((known) => type(known) === type(answered.type));
  expect(stated, `${of}: ${answered.type} is not in the document`).toBeDefined();
  if (!/json/.test(stated ?? "")) return undefined;
  const place = [
    "paths",
    operation.path,
    operation.method.toLowerCase(),
    "responses",
    String(answered.status),
    "content",
    stated,
    "schema",
  ];
  const validate = validatorOf(place.map((part) => encodeURIComponent((part ?? "").replaceAll("/", "~1"))).join("/"));
  expect(validate(JSON.parse(answered.text)), `${of}: ${ajv.errorsText(validate.errors)}`).toBe(true);
  return undefined;
}

function validatorOf(place: string): ValidateFunction {
  const known = validators.get(place) ?? ajv.compile({ $ref: `doc#/${place}` });
  validators.set(place, known);
  return known;
}

async function hold(operation: Operation, asked: Asked): Promise<Answered> {
  const answered = await send(asked);
  judge(operation, answered, asked);
  return answered;
}

test("there is a valid body for every operation that takes one, and for no other", () => {
  const taking = operations.flatMap(({ operationId, requestBody }) => (requestBody ? [operationId] : []));
  expect(taking.toSorted()).toEqual(Object.keys(bodies).toSorted());
});

describe.each(operations)("$title", { timeout: 20_000 }, (operation) => {
  const takesId = operation.path.includes("{");

  test("answers as the document says", async () => {
    const { status } = await hold(operation, validOf(operation));
    expect(Object.keys(operation.responses)[0]).toBe(String(status));
  });

  test("finds nothing by ids that lead elsewhere", async () => {
    if (!takesId) return;
    const hostile = [
      "nobody",
      "..%2f..%2fetc%2fpasswd",
      "%2e%2e",
      "%00",
      "%ff",
      "__proto__",
      "constructor",
      "%F0%9F%92%A3",
      "'%20OR%201=1--",
      "x".repeat(4_000),
    ];
    for (const id of hostile) {
      const path = pathOf(operation, () => id);
      const { status } = await hold(operation, { ...validOf(operation), path });
      expect([400, 404], id).toContain(status);
    }
  });

  test("takes no query that makes no sense", async () => {
    const names = (operation.parameters ?? []).flatMap((parameter) => (parameter.in === "query" ? [parameter.name] : []));
    const hostile = [
      "",
      "-1",
      "1e400",
      "0x10",
      "NaN",
      "null",
      "[]",
      "%00",
      "%F0%9F%92%A3",
      "a".repeat(4_000),
      "'%20OR%201=1--",
      "%25%32%65",
    ];
    const valid = validOf(operation);
    for (const name of names) {
      for (const value of hostile) await hold(operation, { ...valid, path: `${valid.path}?${name}=${value}` });
      expect((await hold(operation, { ...valid, path: `${valid.path}?${name}=1&${name}=2` })).status).toBe(400);
    }
    await hold(operation, { ...valid, path: `${valid.path}?__proto__=1&unknown[]=2&%E0=1&=` });
  });

  test("takes no body but its own", async () => {
    const valid = validOf(operation);
    const own = operation.requestBody?.content["application/json"];
    if (!own) return void (await hold(operation, { ...valid, headers: JSON_TYPE, body: '{"unexpected":1}' }));
    const refused = async (body: string, status: number, headers: Record<string, string> = JSON_TYPE) =>
      expect((await hold(operation, { ...valid, headers, body })).status, body.slice(0, 80)).toBe(status);
    const body = bodies[operation.operationId]?.() as Record<string, unknown>;
    for (const text of ["", "{", "null", "[]", '"text"', "1", "[".repeat(30_000), '{"__proto__":{}}', `${JSON.stringify(body)}x`])
      await refused(text, 400);
    await refused(JSON.stringify({ ...body, unknown: 1 }), 400);
    await refused(JSON.stringify({ ...body, large: "x".repeat(70_000) }), 413);
    for (const media of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"]) {
      await refused(JSON.stringify(body), 415, { "content-type": media });
    }
    for (const name of Object.keys(body)) {
      for (const wrong of [null, {}, [], 1e308, "", "\u0000", "\uD800", "x".repeat(10_000)]) {
        await hold(operation, { ...valid, body: JSON.stringify({ ...body, [name]: wrong }) });
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...Object.keys(body), "x"), fc.jsonValue()), async (value) => {
        await hold(operation, { ...valid, body: JSON.stringify(value) });
      }),
      { numRuns: 25 },
    );
  });

  test("refuses methods that are not there, naming those that are", async () => {
    const there = Object.keys(document.paths[operation.path] ?? {}).map((method) => method.toUpperCase());
    for (const method of METHODS.filter((candidate) => !there.includes(candidate))) {
      const { status, type: media, allow } = await send({ method, path: pathOf(operation) });
      expect([status, media]).toEqual([405, "application/problem+json"]);
      for (const allowed of there.filter((name) => name !== "PARAMETERS")) expect(allow).toContain(allowed);
    }
  });

  test("takes nothing from pages of other sites, or under another name", async () => {
    const valid = validOf(operation);
    const foreign = await hold(operation, { ...valid, headers: { ...valid.headers, origin: "http://evil.example" } });
    expect(foreign.status).toBe(403);
    expect((await hold(operation, { ...valid, headers: { ...valid.headers, host: "evil.example" } })).status).toBe(421);
  });

  test("keeps a key to its rules, where it takes one", async () => {
    if (!operation.parameters?.some(({ name }) => name === "Idempotency-Key")) return;
    const valid = validOf(operation);
    const headers = { ...valid.headers, "idempotency-key": "one" };
    const first = await hold(operation, { ...valid, headers });
    expect((await hold(operation, { ...valid, headers })).text).toBe(first.text);
    expect((await hold(operation, { ...valid, headers, body: `${valid.body} ` })).status).toBe(422);
    expect((await hold(operation, { ...valid, headers: { ...valid.headers, "idempotency-key": "x".repeat(200) } })).status).toBe(400);
  });
});

test("without a token only what the document calls open is answered", async () => {
  const locked = await startTestHub({ isOpen: false });
  try {
    const answered: string[] = [];
    for (const operation of operations) {
      const asked = validOf(operation);
      const answer = await send(asked, locked.hub.url);
      judge(operation, answer, asked);
      if (answer.status !== 401) answered.push(operation.operationId);
    }
    const open = operations.flatMap(({ operationId, security }) => (security?.length === 0 ? [operationId] : []));
    // Asked for with a wrong token.
    expect(answered).toEqual(open.filter((operationId) => operationId !== "openSession"));
  } finally {
    await locked.close();
  }
});

function type(media: string | undefined): string {
  return (media ?? "").split(";", 1)[0]?.trim() ?? "";
}

/** The document leaves answers open for newer hubs. This hub is not newer: a member that is not in it is a mistake. */
function closed(value: unknown, isPart = false): unknown {
  if (Array.isArray(value)) return value.map((item) => closed(item));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === "allOf" && Array.isArray(member) ? member.map((part) => closed(part, true)) : closed(member),
    ]),
  );
  const isOpen = isPart || !("properties" in value) || "additionalProperties" in value || !("type" in value);
  return isOpen ? members : { ...members, additionalProperties: false };
}
