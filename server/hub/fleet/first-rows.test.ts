import { expect, test } from "vitest";
import type { VmSummary } from "#lib/api/vm";
import { firstRows } from "./first-rows.ts";

const HEAD = { epoch: "e", revision: 7, serverTimeMs: 0, bridges: [] };
const row = (vmId: string, kind: "healthy" | "silent", part: Partial<VmSummary> = {}): VmSummary => ({
  vmId,
  name: vmId,
  bridgeId: "kvm-01",
  host: "kvm-01",
  address: "/run/x.sock",
  launcher: "plain",
  isSimulated: false,
  runStateIsLastKnown: false,
  health: kind === "healthy" ? { kind, sinceAtMs: 5, readingAtMs: 5 } : { kind, reason: "stopped", sinceAtMs: 5, readingAtMs: 5 },
  lanes: { inBand: { state: "absent", reason: "not-connected" }, outOfBand: { state: "absent", reason: "not-connected" } },
  yankableCount: 0,
  instanceCount: 0,
  tags: [],
  changedAtRevision: 1,
  ...part,
});

test("the first rows are those in trouble, then by name, and the counts are of all", () => {
  const rows = [row("web-10", "healthy"), row("web-2", "healthy"), row("zz-9", "silent"), row("gone", "silent", { endedAtMs: 1 })];
  const first = firstRows({ snapshot: HEAD, rows, limit: 2 });
  expect(first.vms.map(({ name }) => name)).toEqual(["zz-9", "web-2"]);
  expect(first.counts).toEqual({ silent: 1, healthy: 2 });
  expect(first.revision).toBe(7);
});
