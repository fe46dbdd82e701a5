import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { IncidentSummary } from "#lib/incident/incident";
import { bridge, vmSummary } from "../testing/fixtures.ts";
import { wallOf } from "./wall-model.ts";

const NOW = 1_000_000;
const all = { hosts: [] };
const facts = { vms: [], bridges: [], incidents: [], serverTimeMs: NOW };

function hung(name: string, part: Parameters<typeof vmSummary>[0] = {}) {
  return vmSummary({
    vmId: name,
    name,
    health: { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: NOW - 60_000, readingAtMs: NOW },
    ...part,
  });
}

function incident(part: Partial<IncidentSummary>): IncidentSummary {
  return {
    incidentId: "i1",
    number: 241,
    state: "open",
    cause: { kind: "far-side", key: "nbd:x", text: "NBD server 10.0.4.15:10809" },
    title: "",
    openedAtMs: NOW - 55_000,
    beganAtMs: NOW - 60_000,
    detectedAfterMs: 5_000,
    memberCount: 2,
    troubledCount: 2,
    flapCount: 0,
    worstKind: "main-loop-hung",
    revision: 1,
    hosts: ["kvm-01"],
    noteCount: 0,
    ...part,
  };
}

describe("what takes the stage", () => {
  test("an incident stands for all its members, with who is on it", () => {
    const acknowledgement = { who: "Ada", atMs: NOW - 10_000, untilMs: NOW + 10_000 };
    const vms = [hung("a", { incidentId: "i1" }), hung("b", { incidentId: "i1" })];
    const { items } = wallOf({ ...facts, vms, incidents: [incident({ acknowledgement })] }, all);
    expect(items).toMatchObject([{ headline: "2 hung", cause: "NBD server 10.0.4.15:10809", who: "Ada", incidentNumber: 241 }]);
  });

  test("an acknowledgement that is over says nobody", () => {
    const acknowledgement = { who: "Ada", atMs: NOW - 10_000, untilMs: NOW - 1 };
    expect(wallOf({ ...facts, incidents: [incident({ acknowledgement })] }, all).items[0]?.who).toBeUndefined();
  });

  test("trouble that no incident has taken up yet is not missing; the like stands together", () => {
    const stopped = vmSummary({
      vmId: "s",
      name: "win-3",
      health: { kind: "silent", reason: "stopped", sinceAtMs: NOW, readingAtMs: NOW },
    });
    const { items } = wallOf({ ...facts, vms: [hung("a"), hung("b"), stopped] }, all);
    expect(items.map((item) => item.headline)).toEqual(["2 hung", "win-3 silent"]);
  });

  test("a member of an incident that is not listed yet is shown by itself", () => {
    expect(wallOf({ ...facts, vms: [hung("a", { incidentId: "i9" })] }, all).items).toMatchObject([
      { headline: "a hung", isIncident: false },
    ]);
  });

  test("hosts that the wall does not show bring neither VMs nor incidents", () => {
    const vms = [hung("a", { host: "db-01" })];
    const wall = wallOf({ ...facts, vms, incidents: [incident({ hosts: ["db-01"] })] }, { hosts: ["kvm-*"] });
    expect(wall.items).toEqual([]);
    expect(wall.vmCount).toBe(0);
  });
});

test("a host that is not heard is told apart from one without VMs", () => {
  const bridges = [
    bridge({ bridgeId: "k2", host: "kvm-2", vmCount: 0 }),
    bridge({ bridgeId: "k10", host: "kvm-10", isConnected: false, lostSinceAtMs: NOW - 3_000 }),
  ];
  const { hosts, heardHosts } = wallOf({ ...facts, bridges }, all);
  expect(hosts.map((host) => [host.host, host.isBehind, host.behindSinceAtMs])).toEqual([
    ["kvm-2", false, undefined],
    ["kvm-10", true, NOW - 3_000],
  ]);
  expect(heardHosts).toBe(1);
});

test("no VM in trouble is ever missing from the stage, and none is counted twice", () => {
  const anyVm = fc.record({
    vmId: fc.string({ minLength: 1, maxLength: 6 }),
    kind: fc.constantFrom("healthy" as const, "main-loop-hung" as const, "silent" as const, "unknown" as const),
    incidentId: fc.constantFrom(undefined, "i1", "i2"),
  });
  fc.assert(
    fc.property(fc.uniqueArray(anyVm, { selector: (vm) => vm.vmId }), fc.subarray(["i1", "i2"]), (some, openIds) => {
      const vms = some.map(({ vmId, kind, incidentId }) =>
        vmSummary({ vmId, incidentId, health: { kind, sinceAtMs: 0, readingAtMs: 0 } as ReturnType<typeof vmSummary>["health"] }),
      );
      const troubled = vms.filter((vm) => vm.health.kind === "main-loop-hung" || vm.health.kind === "silent").length;
      const incidents = openIds.map((incidentId) => incident({ incidentId, troubledCount: 0 }));
      const { items } = wallOf({ ...facts, vms, incidents }, all);
      expect(items.reduce((sum, item) => sum + item.troubledCount, 0)).toBe(troubled);
    }),
  );
});
