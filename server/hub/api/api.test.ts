import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FleetSnapshot } from "#lib/api/vm";
import { startTestHub } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { hungVm, vmReport } from "../../../tests/support/vm-report.ts";
import { API_SYMBOL } from "../compose.ts";
import { MAX_BODY_BYTES } from "./read-body.ts";

let ripcord: TestHub;
beforeAll(async () => {
  ripcord = await startTestHub();
  const vms = Array.from({ length: 40 }, (_, index) => vmReport({ vmId: `healthy${index}`, name: `web-${index}`, tags: ["web"] }));
  ripcord.bridge({ vms: [...vms, hungVm({ vmId: "hung00", name: "db-07" })] });
  await vi.waitUntil(() => ripcord.hub.fleet.vmCount === 41, { timeout: 5_000 });
  // The last change: from here on the revision stands still.
  await vi.waitUntil(() => ripcord.hub.fleet.detail("hung00")?.incidentId !== undefined, { timeout: 5_000 });
});
afterAll(() => ripcord.close());

/** fetch sets some headers itself and refuses others; this sends what it is told. */
function raw(path: string, headers: Record<string, string>, method = "GET", body?: string) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>((resolve, reject) => {
    const request = httpRequest(`${ripcord.hub.url}${path}`, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.once("error", reject);
    request.end(body);
  });
}

const host = () => `127.0.0.1:${ripcord.hub.port}`;

describe("GET /api/v1/vms", () => {
  test("is the whole fleet, with what a socket continues from", async () => {
    const { status, body } = await ripcord.call("/api/v1/vms");
    const snapshot = body as unknown as FleetSnapshot;
    expect(status).toBe(200);
    expect(snapshot).toMatchObject({ epoch: ripcord.hub.fleet.epoch, revision: ripcord.hub.fleet.revision });
    expect(snapshot.vms).toHaveLength(41);
    expect(snapshot.bridges).toEqual([expect.objectContaining({ bridgeId: "fake", isConnected: true, vmCount: 41 })]);
  });

  test.each([
    ["verdict=main-loop-hung", ["db-07"]],
    ["q=WEB-1", ["web-1", ...Array.from({ length: 10 }, (_, index) => `web-${10 + index}`)]],
    ["q=web%2039", ["web-39"]],
    ["bridge=elsewhere", []],
  ])("narrows by %s", async (query, names) => {
    const { body } = await ripcord.call(`/api/v1/vms?${query}`);
    expect((body as unknown as FleetSnapshot).vms.map((vm) => vm.name)).toEqual(names);
  });

  test("cuts to the first rows where a limit is asked for, and counts all of them", async () => {
    const { body } = await ripcord.call("/api/v1/vms?limit=2");
    const { vms, counts } = body as unknown as FleetSnapshot;
    expect(vms.map((vm) => vm.name)).toEqual(["db-07", "web-0"]);
    expect(counts).toEqual({ "main-loop-hung": 1, healthy: 40 });
  });

  test("says which values a verdict may have", async () => {
    const { status, body } = await ripcord.call("/api/v1/vms?verdict=fine");
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { code: "bad-request", detail: expect.stringContaining("main-loop-hung") },
    });
  });

  test.each([
    ["br", "gzip, deflate, br", brotliDecompressSync],
    ["gzip", "gzip;q=1.0, br;q=0", gunzipSync],
    [undefined, "identity", (bytes: Buffer) => bytes],
  ] as const)("comes as %s to whom takes it", async (encoding, accept, decompress) => {
    const response = await raw("/api/v1/vms", { "accept-encoding": accept, host: host() });
    expect(response.headers["content-encoding"]).toBe(encoding);
    expect((JSON.parse(decompress(response.body).toString()) as FleetSnapshot).vms).toHaveLength(41);
  });
});

test("GET /api/v1/vms/{vmId} has the instances with why some are not yanked", async () => {
  const { body } = await ripcord.call("/api/v1/vms/hung00");
  expect(body).toMatchObject({
    vmId: "hung00",
    incarnation: { pid: 4711 },
    instances: [{ yankable: true }, { isMonitor: true, yankable: { code: "is-monitor" } }],
    yankableCount: 1,
    runStateIsLastKnown: true,
  });
});

test("a VM that never was is not found", async () => {
  expect(await ripcord.call("/api/v1/vms/nobody")).toMatchObject({ status: 404, body: { code: "not-found" } });
});

describe("a problem document", () => {
  const problem = async (path: string, init: RequestInit) => {
    const { status, body, headers } = await ripcord.call(path, undefined, init);
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(body).toMatchObject({
      status,
      type: expect.stringContaining(String(body.code)),
      title: expect.any(String),
      detail: expect.any(String),
    });
    expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts|\/tmp|at .*\(/);
    return body;
  };
  const post = (body: string, type = "application/json"): RequestInit => ({ method: "POST", headers: { "content-type": type }, body });

  test("for a path that is not there", async () => {
    expect(await problem("/api/v1/nothing", {})).toMatchObject({ code: "not-found" });
  });
  test("for a method that is not there, with those that are", async () => {
    expect(await problem("/api/v1/plans", {})).toMatchObject({ code: "method-not-allowed", detail: "Only POST can be used here" });
    expect((await ripcord.call("/api/v1/vms", undefined, { method: "DELETE" })).headers.get("allow")).toBe("GET, HEAD");
  });
  test("for a body that is not JSON, with the place", async () => {
    expect(await problem("/api/v1/plans", post('{"action":\n  yank}'))).toMatchObject({
      code: "bad-request",
      detail: expect.stringContaining("line 2 column 3"),
    });
    expect(await problem("/api/v1/plans", post(""))).toMatchObject({ code: "bad-request", detail: "The body is empty; JSON was expected" });
    expect(await problem("/api/v1/plans", { ...post(""), body: new Uint8Array([0x7b, 0xff]) })).toMatchObject({
      detail: "The body is not UTF-8",
    });
  });
  test("for a body of another shape, with the member", async () => {
    expect(await problem("/api/v1/plans", post('{"action":"shoot","targets":[]}'))).toMatchObject({
      code: "bad-request",
      errors: [{ at: "action" }, { at: "targets" }],
    });
  });
  test("for another media type", async () => {
    expect(await problem("/api/v1/plans", post("{}", "text/plain"))).toMatchObject({ code: "unsupported-media-type", status: 415 });
  });
  test("for a body that is too large, whether it says so or not", async () => {
    const large = JSON.stringify({ reason: "x".repeat(MAX_BODY_BYTES) });
    expect(await problem("/api/v1/acts", post(large))).toMatchObject({ code: "too-large", status: 413 });
    const chunked = await raw(
      "/api/v1/acts",
      { host: host(), "content-type": "application/json", "transfer-encoding": "chunked" },
      "POST",
      large,
    );
    expect(chunked.status).toBe(413);
  });
  test("for a plan that cannot be made, with the reason of each instance", async () => {
    const instances = [{ type: "chardev", id: "compat_monitor0" }];
    const body = await problem("/api/v1/plans", post(JSON.stringify({ action: "yank", targets: [{ vmId: "hung00", instances }] })));
    expect(body).toMatchObject({
      status: 422,
      code: "cannot-plan",
      reasons: [{ vmId: "hung00", key: "chardev:compat_monitor0", code: "is-monitor" }],
    });
  });
});

describe("who may ask", () => {
  test.each(["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example"])(
    "not under the name %s",
    async (name) => {
      const { status, body } = await raw("/api/v1/vms", { host: name });
      expect([status, (JSON.parse(body.toString()) as { code: string }).code]).toEqual([421, "foreign-host"]);
    },
  );
  test.each(["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])("under the name %s with the port", async (name) => {
    expect((await raw("/healthz", { host: `${name}:${ripcord.hub.port}` })).status).toBe(200);
  });
  test.each<[string, Record<string, string>]>([
    ["another origin", { origin: "http://evil.example" }],
    ["another port's origin", { origin: "http://127.0.0.1:1" }],
    ["https of ours", { origin: "https://127.0.0.1:7979" }],
    ["a sandboxed page", { origin: "null" }],
    ["a request that the browser calls cross-site", { "sec-fetch-site": "cross-site" }],
    ["a request that the browser calls same-site only", { "sec-fetch-site": "same-site" }],
  ])("not %s", async (_, headers) => {
    const response = await raw("/api/v1/plans", { host: host(), "content-type": "application/json", ...headers }, "POST", "{}");
    expect([response.status, (JSON.parse(response.body.toString()) as { code: string }).code]).toEqual([403, "foreign-origin"]);
  });
  test("our own pages", async () => {
    const headers = { host: host(), "content-type": "application/json", origin: ripcord.hub.url, "sec-fetch-site": "same-origin" };
    expect((await raw("/api/v1/plans", headers, "POST", "{}")).status).toBe(400);
  });
});

test("every answer has the security headers", async () => {
  const { headers } = await ripcord.call("/healthz");
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
});

test("pages in the same process reach the API through the published function", async () => {
  const published = Reflect.get(globalThis, API_SYMBOL) as (request: Request) => Promise<Response>;
  const response = await published(new Request(`${ripcord.hub.url}/api/v1/vms`));
  expect(((await response.json()) as FleetSnapshot).vms).toHaveLength(41);
});

test("says that it is well and ready", async () => {
  expect(await ripcord.call("/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
  expect(await ripcord.call("/readyz")).toMatchObject({ status: 200, body: { status: "ready" } });
});

test("a flood of bad requests is ten lines in the log, without a stack", async () => {
  const lines: string[] = [];
  const noisy = await startTestHub({ log: pino({ level: "trace" }, { write: (line: string) => void lines.push(line) }) });
  try {
    const bad = { method: "POST", headers: { "content-type": "application/json" }, body: "{" };
    for (let index = 0; index < 50; index += 1) expect((await noisy.call("/api/v1/plans", undefined, bad)).status).toBe(400);
  } finally {
    await noisy.close();
  }
  // A minute may have ended in between.
  const refused = lines.filter((line) => line.includes("bad-request"));
  expect([10, 20]).toContain(refused.length);
  expect(refused.join("")).not.toMatch(/stack|at \w+ \(/);
});

describe("with an access token", () => {
  let closed: TestHub;
  let token: string;
  beforeAll(async () => {
    closed = await startTestHub({ isOpen: false });
    token = readFileSync(join(closed.dataDir, "access-token"), "utf8").trim();
  });
  afterAll(() => closed.close());
  const ask = (headers: Record<string, string>) => closed.call("/api/v1/vms", undefined, { headers });
  const signIn = (offered: string) => closed.call("/api/v1/session", { token: offered });

  test("the printed URL carries it in the fragment, where no server sees it", () => {
    expect(closed.hub.openUrl).toBe(`${closed.hub.url}/login#${token}`);
  });

  test("nothing is told without it", async () => {
    const offered: Record<string, string>[] = [
      {},
      { authorization: "Bearer wrong" },
      { cookie: `ripcord_session_${closed.hub.port}=wrong` },
    ];
    for (const headers of offered) {
      expect(await ask(headers)).toMatchObject({ status: 401, body: { code: "not-signed-in" } });
    }
    expect((await closed.call("/healthz")).status).toBe(200);
  });

  test("a program offers it as a Bearer", async () => {
    expect((await ask({ authorization: `Bearer ${token}` })).status).toBe(200);
  });

  test("a browser gets a cookie for it that scripts cannot read and that is not the token", async () => {
    const { status, headers } = await signIn(token);
    const cookie = headers.get("set-cookie")!;
    expect(status).toBe(200);
    expect(cookie).toMatch(new RegExp(`^ripcord_session_${closed.hub.port}=.*; Path=/; Max-Age=\\d+; HttpOnly; SameSite=Strict$`));
    expect(cookie).not.toContain(token);
    expect((await ask({ cookie: cookie.split(";")[0]! })).status).toBe(200);
    const left = await closed.call("/api/v1/session", undefined, { method: "DELETE" });
    expect(left.headers.get("set-cookie")).toContain("Max-Age=0");
  });

  test("wrong ones are refused, and noted ten times a minute at most", async () => {
    for (let index = 0; index < 12; index += 1) expect((await signIn("guess")).status).toBe(401);
    const { body } = await closed.call("/api/v1/audit", undefined, { headers: { authorization: `Bearer ${token}` } });
    const types = (body.rows as { event: { type: string } }[]).map((row) => row.event.type);
    expect(types.filter((type) => type === "session-refused")).toHaveLength(10);
  });
});
