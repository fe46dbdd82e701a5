import { readFileSync } from "node:fs";
import { request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { configSchema } from "#lib/config/schema";
import { startTestHub, testConfig } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { hungVm, vmReport } from "../../../tests/support/vm-report.ts";
import { Fleet } from "../fleet/fleet.ts";
import { METRICS } from "./definitions.ts";
import { labelText } from "./label.ts";
import { Metrics } from "./metrics.ts";

const NO_EVENTS = { rowsChanged() {}, detailsChanged() {}, bridgesChanged() {}, vmEnded() {} };

function pretend({ maxVms = 5_000 } = {}) {
  const clock = new ManualClock();
  const fleet = new Fleet({ clock, epoch: "e", events: NO_EVENTS });
  const metrics = new Metrics({
    fleet,
    incidents: { active: () => [] },
    clock,
    version: "1.2.3",
    maxVms,
    browserCount: () => 3,
    receivers: () => [],
  });
  onTestFinished(() => metrics.close());
  fleet.bridgeConnected({ bridgeId: "kvm-01", label: "kvm-01", isSimulated: false });
  return { clock, fleet, metrics };
}

async function linesOf(metrics: Metrics, start: string): Promise<string[]> {
  return (await metrics.render()).split("\n").filter((line) => line.startsWith(start));
}

async function hub(options: Parameters<typeof startTestHub>[0] = {}): Promise<TestHub> {
  const started = await startTestHub(options);
  onTestFinished(() => started.close());
  return started;
}

test("what is exposed, what is defined and what docs/metrics.md says are the same", async () => {
  const { metrics } = pretend();
  const exposed = [...(await metrics.render()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  const defined = Object.entries(METRICS).map(([name, { type }]) => `${name} ${type}`);
  expect(exposed.toSorted()).toEqual(defined.toSorted());
  const page = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(ripcord_\w+)` *\| (\w+) *\|([^|]*)\|/gm)];
  const documented = rows.map(([, name, type, labels = ""]) => `${name} ${type} ${labels.replaceAll(/[`\s]/g, "")}`);
  expect(documented.toSorted()).toEqual(
    Object.entries(METRICS)
      .map(([name, { type, labels }]) => `${name} ${type} ${labels.join(",")}`)
      .toSorted(),
  );
});

test("a hung VM is told by its verdict, its open request and the sums", async () => {
  const { metrics, fleet, clock } = pretend();
  fleet.replace("kvm-01", [vmReport({ vmId: "well" }), hungVm({ vmId: "hung" })]);
  clock.advance(1_000);
  expect(await linesOf(metrics, "ripcord_vm_verdict{")).toEqual([
    'ripcord_vm_verdict{vm_id="well",vm="well",host="kvm-01",verdict="healthy"} 1',
    'ripcord_vm_verdict{vm_id="hung",vm="hung",host="kvm-01",verdict="main-loop-hung"} 1',
  ]);
  expect(await linesOf(metrics, "ripcord_vm_request_open_seconds{")).toEqual([
    'ripcord_vm_request_open_seconds{vm_id="hung",vm="hung",host="kvm-01",lane="in-band"} 43',
  ]);
  expect(await linesOf(metrics, "ripcord_vms{")).toContain('ripcord_vms{host="kvm-01",verdict="main-loop-hung"} 1');
});

test("a verdict that ended leaves no series behind, and a lost bridge's VMs are unknown and in no clock", async () => {
  const { metrics, fleet } = pretend();
  fleet.replace("kvm-01", [hungVm({ vmId: "a" })]);
  await metrics.render();
  fleet.update("kvm-01", [vmReport({ vmId: "a" })], []);
  expect(await linesOf(metrics, "ripcord_vm_request_open")).toEqual([]);
  fleet.bridgeDisconnected("kvm-01");
  metrics.sample();
  expect(await linesOf(metrics, "ripcord_vm_verdict{")).toEqual(['ripcord_vm_verdict{vm_id="a",vm="a",host="kvm-01",verdict="unknown"} 1']);
  expect(await linesOf(metrics, "ripcord_clock_seconds_count")).toEqual([]);
  expect(await linesOf(metrics, "ripcord_bridge_up{")).toEqual(['ripcord_bridge_up{bridge_id="kvm-01",host="kvm-01"} 0']);
});

test("both clocks are sampled into the histogram", async () => {
  const { metrics, fleet } = pretend();
  fleet.replace("kvm-01", [vmReport({ vmId: "well" }), hungVm({ vmId: "hung" })]);
  metrics.sample();
  const lines = await linesOf(metrics, "ripcord_clock_seconds_bucket");
  expect(lines).toContain('ripcord_clock_seconds_bucket{le="0.01",lane="in-band"} 1');
  expect(lines).toContain('ripcord_clock_seconds_bucket{le="60",lane="in-band"} 2');
  expect(lines).toContain('ripcord_clock_seconds_bucket{le="0.01",lane="out-of-band"} 2');
});

test("an age is never negative, whoever sets the clock", async () => {
  const { metrics, fleet, clock } = pretend();
  fleet.replace("kvm-01", [hungVm({ vmId: "hung" })]);
  clock.setBy(-3_600_000);
  metrics.sample();
  expect(await linesOf(metrics, "ripcord_vm_request_open_seconds{")).toEqual([expect.stringMatching(/ 0$/)]);
  expect((await metrics.render()).match(/ -\d/g)).toBeNull();
});

test("beyond the limit of VMs the sums stay, and a metric says that the rest is left out", async () => {
  const { metrics, fleet } = pretend({ maxVms: 2 });
  fleet.replace(
    "kvm-01",
    ["a", "b", "c"].map((vmId) => hungVm({ vmId })),
  );
  expect(await linesOf(metrics, "ripcord_vm_")).toEqual(["ripcord_vm_series_limited 1"]);
  expect(await linesOf(metrics, "ripcord_vms{")).toContain('ripcord_vms{host="kvm-01",verdict="main-loop-hung"} 3');
  fleet.update("kvm-01", [], ["c"]);
  expect(await linesOf(metrics, "ripcord_vm_verdict{")).toHaveLength(2);
});

test("a hostile name stays one label of one line", async () => {
  const { metrics, fleet } = pretend();
  const name = 'a"} 1\nripcord_vms{host="x"} 9\\\u0000\u202e\ud800';
  fleet.replace("kvm-01", [vmReport({ vmId: "a", name })]);
  const lines = await linesOf(metrics, "ripcord_vm_verdict{");
  expect(lines).toEqual([
    'ripcord_vm_verdict{vm_id="a",vm="a\\"} 1\uFFFDripcord_vms{host=\\"x\\"} 9\\\\\uFFFD\uFFFD\uFFFD",host="kvm-01",verdict="healthy"} 1',
  ]);
  expect(Array.from(labelText("😀".repeat(500)))).toHaveLength(128);
});

test("an act is counted once for each of its VMs, however often it is told of", async () => {
  const { metrics } = pretend();
  const target = { vmId: "a", vmName: "a", host: "h", bridgeId: "b", instances: [], command: {}, lane: "oob" as const, aftermath: [] };
  const act = { actId: "act-1", planId: "p", action: "yank" as const, who: "x", createdAtMs: 0 };
  metrics.actChanged({ ...act, targets: [{ ...target, state: "sent", verdict: "pending", isFinal: false }] });
  const final = { ...act, targets: [{ ...target, state: "accepted" as const, verdict: "recovered" as const, isFinal: true }] };
  metrics.actChanged(final);
  metrics.actChanged(final);
  expect(await linesOf(metrics, "ripcord_act_targets_total")).toEqual([
    'ripcord_act_targets_total{action="yank",state="accepted",verdict="recovered"} 1',
  ]);
});

test("2,000 VMs, 200 of them hung, are scraped in less than a second", async () => {
  const { metrics, fleet } = pretend();
  const reports = Array.from({ length: 2_000 }, (_, index) =>
    (index % 10 === 0 ? hungVm : vmReport)({ vmId: `vm${index}`, name: `db-${index}` }),
  );
  fleet.replace("kvm-01", reports);
  metrics.sample();
  const before = process.cpuUsage();
  const text = await metrics.render();
  // By the CPU, because a test never knows who else is at work on the machine.
  const { user, system } = process.cpuUsage(before);
  expect(text.match(/^ripcord_vm_verdict\{/gm)).toHaveLength(2_000);
  expect(text.match(/^ripcord_vm_request_open_seconds\{/gm)).toHaveLength(200);
  expect((user + system) / 1_000).toBeLessThan(1_000);
});

test("on the hub's own port /metrics asks for the access token like everything else", async () => {
  const { hub: started } = await hub({ isOpen: false });
  expect((await fetch(`${started.url}/metrics`)).status).toBe(401);
  const token = started.openUrl.split("#")[1] ?? "";
  const answer = await fetch(`${started.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await answer.text();
  expect(text).toContain('ripcord_build_info{version="test"} 1');
  expect(text).toContain('ripcord_store_errors_total{database="record"} 0');
});

test("a port of its own needs no token, answers to loopback names alone and has nothing but /metrics", async () => {
  const dataDir = (await hub()).dataDir;
  const resolved = testConfig(`${dataDir}-metrics`);
  resolved.config = configSchema.parse({ ...resolved.config, metrics: { port: 0 } });
  const { hub: started } = await hub({ isOpen: false, resolved });
  const url = `http://127.0.0.1:${started.metricsPort}`;
  expect(await (await fetch(`${url}/metrics`)).text()).toContain("ripcord_build_info");
  expect((await fetch(`${url}/api/v1/vms`)).status).toBe(404);
  expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(405);
  const foreign = Promise.withResolvers<number | undefined>();
  request(`${url}/metrics`, { headers: { host: "evil.example" } }, (response) => foreign.resolve(response.resume().statusCode)).end();
  expect(await foreign.promise).toBe(421);
});
