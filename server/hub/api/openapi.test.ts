import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROBLEM_CODES } from "#lib/api/problem";
import { startTestHub } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";

interface Described {
  operationId: string;
  summary: string;
  security?: unknown[];
  requestBody?: { content: Record<string, { example?: unknown }> };
  parameters?: { name: string }[];
}

let ripcord: TestHub;
let document: { openapi: string; paths: Record<string, Record<string, Described>>; components: { schemas: Record<string, unknown> } };
beforeAll(async () => {
  ripcord = await startTestHub();
  document = (await ripcord.call("/api/openapi.json")).body as unknown as typeof document;
});
afterAll(() => ripcord.close());

const operations = () =>
  Object.values(document.paths).flatMap((atPath) =>
    Object.entries(atPath).flatMap(([key, described]) => (key === "parameters" ? [] : [described])),
  );

test("the document is OpenAPI 3.1, every pointer in it leads somewhere", async () => {
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
  expect([validator.version, document.openapi]).toEqual(["3.1", "3.1.1"]);
  const pointers = new Set(Array.from(JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g), ([, pointer]) => pointer));
  const named = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect([...pointers].filter((pointer) => !named.includes(pointer ?? ""))).toEqual([]);
  expect(named.filter((name) => !pointers.has(name))).toEqual([]);
});

test("no operation goes without a name of its own and a line for people", () => {
  const ids = operations().map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toContain("getDocument");
  for (const { summary } of operations()) expect(summary).toMatch(/^[A-Z].*[^.]$/);
});

test("every operation with a body shows one", () => {
  const silent = operations().filter(({ requestBody }) => requestBody && !requestBody.content["application/json"]?.example);
  expect(silent.map(({ operationId }) => operationId)).toEqual([]);
});

test("says every code that a problem can have", () => {
  expect(document.components.schemas.Problem).toMatchObject({ properties: { code: { enum: Object.keys(PROBLEM_CODES) } } });
});

test("nothing but the session and whether the hub is well is open to everybody", () => {
  const open = operations().flatMap(({ operationId, security }) => (security?.length === 0 ? [operationId] : []));
  expect(open).toEqual(["getHealth", "getReadiness", "openSession", "endSession"]);
});

test("the page for people has every operation, and neither script nor anything from elsewhere", async () => {
  const response = await fetch(`${ripcord.hub.url}/api/docs`);
  const page = await response.text();
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  for (const { operationId } of operations()) expect(page).toContain(`id="${operationId}"`);
  expect(page).not.toMatch(/<script|<link|src=|https?:\/\/(?!json-schema)/);
  expect(page).toContain("-d &#39;{&quot;action&quot;:&quot;yank&quot;");
});
