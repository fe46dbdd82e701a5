import { afterEach, beforeEach, expect, test } from "vitest";
import { MANUAL_PATH, startManualBridge } from "../testing/manual-bridge.ts";
import type { ManualBridge } from "../testing/manual-bridge.ts";

let bridge: ManualBridge;
beforeEach(async () => {
  bridge = startManualBridge();
  bridge.appear(MANUAL_PATH);
  await bridge.pass(2_000);
});
afterEach(() => bridge.close());

function runStateTexts(): string[] {
  const { evidence } = bridge.published.at(-1)?.health ?? { evidence: [] };
  return evidence.filter(({ code }) => ["run-state", "stop-seen", "resume-seen"].includes(code)).map(({ text }) => text);
}

test("a STOP during a hang is told at once beside the last run state, and goes when the run state is read again", async () => {
  bridge.qemu.hang();
  await bridge.pass(8_000);
  expect(bridge.report().health.verdict.kind).toBe("main-loop-hung");
  const publishedBefore = bridge.published.length;
  bridge.qemu.runState = "paused";
  bridge.qemu.emit("STOP");
  expect(bridge.published.length).toBe(publishedBefore + 1);
  expect(runStateTexts()).toEqual([
    expect.stringMatching(/^run state was running \d+\.\d s ago$/),
    "STOP seen 0.0 s ago: the guest's CPUs are stopped",
  ]);
  expect(bridge.report().runState).toMatchObject({ value: "running", isLastKnown: true });
  bridge.qemu.goOn();
  await bridge.pass(1_500);
  expect(bridge.report()).toMatchObject({ runState: { value: "paused", isLastKnown: false }, health: { verdict: { kind: "healthy" } } });
  expect(runStateTexts()).toEqual(["run state paused"]);
});

test("a STOP before a hang is not told twice: the run state was read after it", async () => {
  bridge.qemu.runState = "paused";
  bridge.qemu.emit("STOP");
  await bridge.pass(500);
  bridge.qemu.hang();
  await bridge.pass(7_000);
  expect(runStateTexts()).toEqual([expect.stringMatching(/^run state was paused \d+\.\d s ago$/)]);
});
