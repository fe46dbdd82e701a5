import { expect, test } from "vitest";
import { hungVm, serialConsole, vmReport } from "../../tests/support/vm-report.ts";
import type { ActTarget } from "./act.ts";
import { rehungText } from "./rehang.ts";

const SENT_AT_MS = 1_000_000;
const acted: ActTarget = {
  vmId: "vm0001",
  vmName: "db-07",
  host: "kvm-03",
  bridgeId: "b1",
  healthBefore: "main-loop-hung",
  instances: [{ type: "chardev", id: "ser0" }],
  command: {},
  lane: "oob",
  state: "accepted",
  verdict: "recovered",
  recoveredAfterMs: 7,
  sentAtMs: SENT_AT_MS,
  aftermath: [],
  isFinal: true,
};
const hung = hungVm({ vmId: "vm0001", instances: [serialConsole({ farSide: { key: "tcp:10.0.0.5:7000", text: "10.0.0.5:7000" } })] });

test("the same trouble within a minute is told with how soon it came, and what is connected again", () => {
  expect(rehungText(acted, hung, SENT_AT_MS + 23_000)).toBe(
    "hung again 23 s after the act: reads main-loop-hung; ser0 is connected again to 10.0.0.5:7000",
  );
});

test.each([
  ["trouble that began before the act", acted, hung, SENT_AT_MS - 5_000],
  ["trouble that came later than a minute", acted, hung, SENT_AT_MS + 61_000],
  ["other trouble", { ...acted, healthBefore: "io-stalled" as const }, hung, SENT_AT_MS + 23_000],
  [
    "a postcopy that is paused, as its cut foretold,",
    { ...acted, healthBefore: "migration-stalled" as const },
    vmReport({
      vmId: "vm0001",
      health: { verdict: { kind: "migration-stalled", migrationStatus: "postcopy-paused" }, sinceAgeMs: 0, readingAgeMs: 0, evidence: [] },
    }),
    SENT_AT_MS + 23_000,
  ],
  ["a VM that is well", acted, vmReport({ vmId: "vm0001" }), SENT_AT_MS + 23_000],
  ["an act of an earlier version, which did not note what it met", { ...acted, healthBefore: undefined }, hung, SENT_AT_MS + 23_000],
  ["an act that was never sent", { ...acted, sentAtMs: undefined }, hung, SENT_AT_MS + 23_000],
])("%s is not", (_name, target, report, sinceAtMs) => {
  expect(rehungText(target, report, sinceAtMs)).toBeUndefined();
});
