import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { FactBody } from "#lib/link/contract";
import { openSocket } from "#server/qmp/transport";
import type { OpenTransport } from "#server/qmp/transport";
import { startSimulatedVm } from "#server/simulator/index";
import type { SimulatedVm } from "#server/simulator/simulated-vm";
import { startTestRegistry } from "../testing/test-registry.ts";
import type { TestRegistry } from "../testing/test-registry.ts";

/** One of fifty each floods, talks rubbish, never ends a line, stops inside a character, and never reads. */
const SICK = ["flooding", "garbage", "endless", "half", "deaf"] as const;
const VM_COUNT = 50;
const FLOOD_PER_SECOND = 5_000;
const ENDLESS_BYTES = 10 * 1024 * 1024;
/** So often every well VM is to be asked, on both lanes together, while the sick ones are at it. */
const PROBES_WHILE_SICK = 12;

let folder: string;
let bridge: TestRegistry;
const vms = new Map<string, SimulatedVm>();
/** By socket path. A lane's next probe goes only when its last was answered: so many probes are so many answers, but two. */
const traffic = new Map<string, { probes: number; connections: number }>();

/** The real transport, with what is asked counted. */
const countingTransport: OpenTransport = (address, events) => {
  const path = "path" in address ? address.path : "";
  const counts = traffic.get(path) ?? { probes: 0, connections: 0 };
  traffic.set(path, counts);
  counts.connections += 1;
  const transport = openSocket(address, events);
  return {
    write: (text) => {
      if (/"query-(?:status|yank)"/.test(text)) counts.probes += 1;
      return transport.write(text);
    },
    destroy: () => transport.destroy(),
  };
};

const pathOf = (name: string): string => join(folder, `${name}.sock`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ripcord-isolation-"));
  // The thresholds of production: what a sick neighbour may not do is to make anyone slow by these.
  bridge = startTestRegistry({
    openTransport: countingTransport,
    probe: { intervalMs: 250, slowAfterMs: 1_000, hungAfterMs: 5_000, oobSilentAfterMs: 2_000, migrationStallAfterMs: 10_000 },
  });
  const names = [...SICK, ...Array.from({ length: VM_COUNT - SICK.length }, (_none, at) => `well-${at}`)];
  await Promise.all(
    names.map(async (name) => vms.set(name, await startSimulatedVm({ name, monitors: [{ id: "ripcord", path: pathOf(name) }] }))),
  );
  for (const name of names) bridge.appear(pathOf(name));
}, 30_000);

afterAll(async () => {
  bridge.close();
  await Promise.all([...vms.values()].map((vm) => vm.close()));
  rmSync(folder, { recursive: true, force: true });
});

test("a VM that misbehaves in any way costs the others no probe and no verdict", { timeout: 60_000 }, async () => {
  const until = (check: () => void) => vi.waitFor(check, { timeout: 25_000, interval: 20 });
  const reports = () => bridge.registry.listedIds().flatMap((vmId) => bridge.registry.report(vmId) ?? []);
  await until(() => {
    expect(reports()).toHaveLength(VM_COUNT);
    for (const { name, topologyAgeMs, health } of reports())
      expect([name, health.verdict.kind, topologyAgeMs === undefined]).toEqual([name, "healthy", false]);
  });
  const wellIds = new Map(reports().flatMap(({ name, vmId }) => (name.startsWith("well-") ? [[vmId, name] as const] : [])));
  expect(wellIds.size).toBe(VM_COUNT - SICK.length);
  const factsBefore = bridge.vmFacts.length;
  const probesBefore = new Map([...wellIds.values()].map((name) => [name, traffic.get(pathOf(name))?.probes ?? 0]));

  vms.get("flooding")?.floodEvents(FLOOD_PER_SECOND);
  vms.get("garbage")?.sendRaw('{"return": }} \u0000\r\n[[[nonsense\r\n');
  vms.get("endless")?.sendRaw(Buffer.alloc(ENDLESS_BYTES, "x"));
  vms.get("half")?.sendRaw(Buffer.from([0x7b, 0x22, 0xe2, 0x82]));
  vms.get("deaf")?.setDeaf(true);

  const bodies = (name: string): FactBody[] => {
    const vmId = reports().find((report) => report.name === name)?.vmId;
    return bridge.vmFacts.slice(factsBefore).flatMap((fact) => (fact.vmId === vmId ? [fact.body] : []));
  };
  // Each of them is really at it …
  await until(() => {
    expect(bodies("flooding").some((fact) => fact.kind === "qmp-event" && fact.count > FLOOD_PER_SECOND / 5)).toBe(true);
    for (const name of ["garbage", "endless"]) expect([name, (traffic.get(pathOf(name))?.connections ?? 0) > 1]).toEqual([name, true]);
    for (const name of ["half", "deaf"])
      expect([name, reports().find((report) => report.name === name)?.health.verdict.kind]).not.toEqual([name, "healthy"]);
  });
  // … and meanwhile every well one is asked, and answers.
  await until(() => {
    for (const name of wellIds.values()) {
      const probes = (traffic.get(pathOf(name))?.probes ?? 0) - (probesBefore.get(name) ?? 0);
      expect([name, probes >= PROBES_WHILE_SICK]).toEqual([name, true]);
    }
  });
  const verdictsOfWell = bridge.vmFacts.slice(factsBefore).filter(({ vmId, body }) => wellIds.has(vmId) && body.kind === "verdict");
  expect(verdictsOfWell).toEqual([]);
  for (const [vmId, name] of wellIds) {
    const report = bridge.registry.report(vmId);
    expect([name, report?.health.verdict.kind]).toEqual([name, "healthy"]);
    expect([report?.lanes.inBand.state, report?.lanes.outOfBand.state]).toEqual(["answered", "answered"]);
    expect(traffic.get(pathOf(name))?.connections).toBe(1);
    expect(bridge.registry.detail(vmId)?.counters).toMatchObject({ repliesDropped: 0, lateReplies: 0, reconnects: 0 });
  }
});
