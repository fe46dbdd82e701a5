import { describe, expect, test } from "vitest";
import { vmReport } from "../../tests/support/vm-report.ts";
import type { MigrationReport, VmReport } from "../vm/report.ts";
import { completedUnseen } from "./completed-unseen.ts";

const UUID = "0d2c6e7a-6c3c-4f19-8d3f-3b9f0c2f5a11";

function outgoing(overrides: Partial<MigrationReport> = {}): MigrationReport {
  return { direction: "outgoing", status: "completed", startId: "m1", transferredBytes: 264_418, sampleAgeMs: 100, ...overrides };
}

function source(overrides: Partial<VmReport> = {}): VmReport {
  return vmReport({
    vmId: "source",
    name: "db-07",
    uuid: UUID,
    runState: { value: "postmigrate", ageMs: 10, isLastKnown: false },
    migration: outgoing(),
    ...overrides,
  });
}

function destination(runState: string, overrides: Partial<VmReport> = {}): VmReport {
  return vmReport({
    vmId: "target",
    name: "db-07",
    uuid: UUID,
    runState: { value: runState, ageMs: 10, isLastKnown: false },
    ...overrides,
  });
}

describe("a small migration that reads completed", () => {
  test("is called out where no destination was seen running", () => {
    expect(completedUnseen(source(), [])).toContain("no destination of db-07 was seen running");
    expect(completedUnseen(source(), [])).toContain("264,418 bytes");
  });

  test("is called out while its destination still waits", () => {
    expect(completedUnseen(source(), [destination("inmigrate")])).toBeDefined();
    const paused = destination("paused", { migration: outgoing({ direction: "incoming", status: "active" }) });
    expect(completedUnseen(source(), [paused])).toBeDefined();
  });

  test("is not where the same guest runs elsewhere, known by uuid or, without one, by name", () => {
    expect(completedUnseen(source(), [destination("running", { name: "other" })])).toBeUndefined();
    expect(completedUnseen(source({ uuid: undefined }), [destination("running")])).toBeUndefined();
    const arrived = destination("paused", { migration: outgoing({ direction: "incoming" }) });
    expect(completedUnseen(source(), [arrived])).toBeUndefined();
  });

  test("is where another guest bears its name, or only itself is known", () => {
    expect(completedUnseen(source(), [destination("running", { uuid: "6b3f0000-0000-4000-8000-000000000001" })])).toBeDefined();
    expect(completedUnseen(source(), [source({ runState: { value: "running", ageMs: 10, isLastKnown: false } })])).toBeDefined();
  });

  test.each([
    ["a large one: somebody read it", { migration: outgoing({ transferredBytes: 512 * 1024 * 1024 }) }],
    ["one that goes on", { migration: outgoing({ status: "active" }) }],
    ["an incoming one", { migration: outgoing({ direction: "incoming" }) }],
    ["one whose guest runs here again", { runState: { value: "running", ageMs: 10, isLastKnown: false } }],
    ["a VM without one", { migration: undefined }],
  ] as [string, Partial<VmReport>][])("says nothing of %s", (_name, overrides) => {
    expect(completedUnseen(source(overrides), [])).toBeUndefined();
  });
});
