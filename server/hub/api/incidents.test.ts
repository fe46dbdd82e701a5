import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { ActEvidenceView, IncidentDetail, IncidentList } from "#lib/api/incident";
import type { FakeBridge } from "../../../tests/support/fake-bridge.ts";
import { startTestHub } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { guestDisk, hungVm, monitorChardev, vmReport } from "../../../tests/support/vm-report.ts";

let ripcord: TestHub;
let bridge: FakeBridge;
beforeAll(async () => {
  ripcord = await startTestHub();
  bridge = ripcord.bridge({ vms: ["one000", "two000", "alone0", "well00"].map((vmId) => vmReport({ vmId, name: `vm-${vmId}` })) });
  await vi.waitUntil(() => ripcord.hub.fleet.vmCount === 4, { timeout: 5_000 });
});
afterAll(() => ripcord.close());

const get = async <Body>(path: string) => (await ripcord.call(path)).body as unknown as Body;
const list = () => get<IncidentList>("/api/v1/incidents");
const titles = async () => (await list()).incidents.map((incident) => incident.title);
const idOf = async (number: number) => (await list()).incidents.find((incident) => incident.number === number)!.incidentId;
const detail = async (number: number) => get<IncidentDetail>(`/api/v1/incidents/${await idOf(number)}`);

/** A VM that hangs on an export of its own of one NBD server. */
function hungOnServer(vmId: string) {
  const server = { key: "nbd:tcp:10.0.4.15:10809", text: "NBD server 10.0.4.15:10809" };
  const farSide = { key: `${server.key}:${vmId}`, text: `${server.text}, export ${vmId}`, server };
  return hungVm({ vmId, name: `vm-${vmId}`, instances: [guestDisk({ farSide }), monitorChardev()] });
}

test("VMs that hang on one server are one incident, and its page shows what can be done about each", async () => {
  bridge.set(hungOnServer("one000"), hungOnServer("two000"));
  await bridge.facts(
    { kind: "verdict", vmId: "one000", from: "healthy", to: "main-loop-hung", text: "in-band overdue" },
    { kind: "verdict", vmId: "two000", from: "healthy", to: "main-loop-hung", text: "in-band overdue" },
    { kind: "qmp-event", vmId: "one000", name: "STOP", count: 1 },
  );
  await vi.waitFor(async () =>
    expect((await list()).incidents).toMatchObject([{ number: 1, state: "open", memberCount: 2, hosts: ["fake"] }]),
  );
  const incident = await detail(1);
  expect(incident).toMatchObject({
    cause: { kind: "far-side", text: "NBD server 10.0.4.15:10809" },
    troubledCount: 2,
    detectedAfterMs: expect.closeTo(37_000, -3),
    members: [{ vmId: "one000", isInTrouble: true, worstKind: "main-loop-hung" }, { vmId: "two000" }],
    cords: [{ vmId: "one000", instances: [{ key: "block-node:nbd0", name: "nbd0" }] }, { vmId: "two000" }],
  });
  expect(incident.timeline.map((entry) => entry.text)).toContain("2 VMs: main loop hung");
  const { body } = await ripcord.call("/api/v1/vms/one000");
  expect(body).toMatchObject({ incidentId: incident.incidentId });
});

test("a VM that hangs by itself is an incident of its own", async () => {
  bridge.set(hungVm({ vmId: "alone0", name: "vm-alone0", instances: [monitorChardev()] }));
  await vi.waitFor(async () => expect(await titles()).toContain("vm-alone0: main loop hung"));
  const { cords } = await detail(2);
  expect(cords).toEqual([
    { vmId: "alone0", instances: [], whyNot: expect.stringContaining("nothing points at one of its connections") as string },
  ]);
});

describe("who is on it", () => {
  test("is shown with its end, stands in timeline and audit, and is taken back", async () => {
    const incidentId = await idOf(1);
    const path = `/api/v1/incidents/${incidentId}/acknowledge`;
    const { status, body } = await ripcord.call(path, { who: " Ada ", forMs: 3_600_000 });
    expect({ status, body }).toMatchObject({ status: 200, body: { acknowledgement: { who: "Ada" } } });
    const { acknowledgement } = (await list()).incidents.find((incident) => incident.number === 1)!;
    expect(acknowledgement!.untilMs - acknowledgement!.atMs).toBe(3_600_000);
    expect((await detail(1)).timeline.map((entry) => entry.text)).toContain("Ada is on it, for 60 min");
    const { rows } = await get<{ rows: unknown[] }>("/api/v1/audit?limit=5");
    expect(rows).toContainEqual(
      expect.objectContaining({ event: expect.objectContaining({ type: "incident-acknowledged", who: "Ada" }) as unknown }),
    );
    await ripcord.call(path, undefined, { method: "DELETE" });
    expect((await detail(1)).acknowledgement).toBeUndefined();
  });

  test.each([
    ["no name", { who: "  ", forMs: 60_000 }],
    ["no end", { who: "Ada" }],
    ["too long", { who: "Ada", forMs: 8 * 86_400_000 }],
    ["something else", { who: "Ada", forMs: 60_000, x: 1 }],
  ])("%s is refused, and nobody is on it", async (_what, body) => {
    const { status } = await ripcord.call(`/api/v1/incidents/${await idOf(1)}/acknowledge`, body);
    expect(status).toBe(400);
    expect((await detail(1)).acknowledgement).toBeUndefined();
  });
});

describe("notes", () => {
  test("are kept with who said them, and stand in the timeline and the audit", async () => {
    const incidentId = await idOf(1);
    const { status, body } = await ripcord.call(`/api/v1/incidents/${incidentId}/notes`, { text: "  storage team is on it  " });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { text: "storage team is on it", who: expect.stringContaining("local operator") as string },
    });
    expect((await detail(1)).timeline).toContainEqual(expect.objectContaining({ kind: "note", text: "storage team is on it" }));
    expect((await list()).incidents.find((incident) => incident.number === 1)).toMatchObject({ noteCount: 1 });
    const { rows } = await get<{ rows: unknown[] }>("/api/v1/audit?limit=5");
    expect(rows).toContainEqual(
      expect.objectContaining({ event: expect.objectContaining({ type: "incident-noted", incidentId }) as unknown }),
    );
  });

  test.each([
    ["nothing", { text: "" }, 400],
    ["only space", { text: " \n " }, 400],
    ["too much", { text: "x".repeat(4_001) }, 400],
    ["no text", {}, 400],
    ["no string", { text: { $gt: "" } }, 400],
    ["more than a text", { text: "x", who: "root" }, 400],
  ])("that say %s are refused", async (_, body, status) => {
    expect((await ripcord.call(`/api/v1/incidents/${await idOf(1)}/notes`, body)).status).toBe(status);
  });

  test("to an incident that is not there are refused", async () => {
    for (const id of ["inc-0123", "..%2f..", "inc-%27%20OR%201=1", "x".repeat(500)]) {
      const { status, body } = await ripcord.call(`/api/v1/incidents/${id}/notes`, { text: "hello" });
      expect({ status, body }).toMatchObject({ status: 404, body: { code: "not-found" } });
    }
  });
});

describe("the list", () => {
  test("narrows by state, and says which there are", async () => {
    expect((await get<IncidentList>("/api/v1/incidents?state=open")).incidents).toHaveLength(2);
    expect((await get<IncidentList>("/api/v1/incidents?state=resolved")).incidents).toEqual([]);
    const { status, body } = await ripcord.call("/api/v1/incidents?state=closed");
    expect({ status, body }).toMatchObject({ status: 400, body: { detail: expect.stringContaining("mitigated") as string } });
    expect((await ripcord.call("/api/v1/incidents?limit=0")).status).toBe(400);
    expect((await ripcord.call("/api/v1/incidents?before=-1")).status).toBe(400);
  });
});

test("the evidence that was stored with an act can be read and saved, and the act shows in the incident", async () => {
  const targets = [{ vmId: "one000", instances: [{ type: "block-node", "node-name": "nbd0" }] }];
  const plan = await ripcord.call("/api/v1/plans", { action: "yank", targets });
  const name = (plan.body.confirmation as { name?: string }).name;
  const act = await ripcord.call("/api/v1/acts", { planId: plan.body.planId, typedName: name, reason: "it hangs" });
  expect(act.status).toBe(202);
  const actId = act.body.actId as string;
  await bridge.progress(actId, "one000", { state: "accepted", verdict: "recovered", recoveredAfterMs: 40, isFinal: true });
  const evidence = await get<ActEvidenceView>(`/api/v1/acts/${actId}/evidence`);
  expect(evidence).toMatchObject({
    actId,
    targets: [{ vmId: "one000", vmName: "vm-one000", evidence: { report: { vmId: "one000" } }, clues: [] }],
  });
  const saved = await fetch(`${ripcord.hub.url}/api/v1/acts/${actId}/evidence?format=json`);
  expect(saved.headers.get("content-disposition")).toBe(`attachment; filename="evidence-${actId}.json"`);
  expect(await saved.json()).toEqual(evidence);
  expect((await ripcord.call("/api/v1/acts/act-00/evidence")).status).toBe(404);
  expect((await ripcord.call("/api/v1/acts/..%2f/evidence")).status).toBe(404);
  const incident = await detail(1);
  expect(incident.acts).toMatchObject([{ actId, reason: "it hangs" }]);
  expect(incident.timeline.filter((entry) => entry.kind === "act").map((entry) => entry.text)).toEqual([
    "Yank confirmed on vm-one000: it hangs",
    "Recovered after the act",
  ]);
});

test("exports as Markdown and as JSON, as files", async () => {
  const path = `${ripcord.hub.url}/api/v1/incidents/${await idOf(1)}/export`;
  const markdown = await fetch(path);
  expect(markdown.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
  expect(markdown.headers.get("content-disposition")).toBe('attachment; filename="incident-1.md"');
  expect(await markdown.text()).toContain("# Incident #1: ");
  const asJson = await fetch(`${path}?format=json`);
  expect(asJson.headers.get("content-disposition")).toBe('attachment; filename="incident-1.json"');
  expect(await asJson.json()).toMatchObject({ number: 1, members: [{ vmId: "one000" }, { vmId: "two000" }] });
  expect((await fetch(`${path}?format=pdf`)).status).toBe(400);
});

test("recovers with its VMs, and is closed by a person with a reason", async () => {
  bridge.set(vmReport({ vmId: "one000" }), vmReport({ vmId: "two000" }));
  await vi.waitFor(async () => expect(await detail(1)).toMatchObject({ state: "mitigated", troubledCount: 0 }));
  const incidentId = await idOf(1);
  const { status, body } = await ripcord.call(`/api/v1/incidents/${incidentId}/resolve`, { reason: "server replaced" });
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { state: "resolved", resolvedBy: expect.stringContaining("local operator") as string },
  });
  expect(await detail(1)).toMatchObject({ state: "resolved", cords: [] });
  expect((await ripcord.call(`/api/v1/incidents/${incidentId}/resolve`, {})).status).toBe(200);
  expect((await list()).incidents.map(({ number, state }) => [number, state])).toEqual([
    [2, "open"],
    [1, "resolved"],
  ]);
  bridge.set(hungOnServer("two000"));
  await vi.waitFor(async () => expect((await list()).incidents[0]).toMatchObject({ number: 3, continuesId: incidentId }));
});

test("nobody gets at them without a session, or from another site", async () => {
  const closed = await startTestHub({ isOpen: false });
  for (const path of ["incidents", "incidents/inc-00", "incidents/inc-00/export", "acts/act-00/evidence"]) {
    expect((await closed.call(`/api/v1/${path}`)).status).toBe(401);
  }
  expect((await closed.call("/api/v1/incidents/inc-00/notes", { text: "x" })).status).toBe(401);
  await closed.close();
  const origin = { method: "POST", headers: { "content-type": "application/json", origin: "http://evil.example" } };
  expect((await ripcord.call(`/api/v1/incidents/${await idOf(2)}/resolve`, {}, origin)).status).toBe(403);
  expect((await ripcord.call("/api/v1/incidents", {})).status).toBe(405);
});
