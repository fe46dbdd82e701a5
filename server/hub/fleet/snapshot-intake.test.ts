import { expect, test } from "vitest";
import { vmReport } from "../../../tests/support/vm-report.ts";
import { SnapshotIntake } from "./snapshot-intake.ts";

const [a, b] = [vmReport({ vmId: "aaaaaa" }), vmReport({ vmId: "bbbbbb" })];
const change = (generation: number, sequence: number) => ({ generation, sequence, changed: [a!], removed: [] });

function taken(): SnapshotIntake {
  const intake = new SnapshotIntake();
  intake.begin(1, 2);
  intake.chunk(1, 0, 1, [a!]);
  intake.chunk(1, 1, 1, [b!]);
  expect(intake.end(1)).toEqual([{ type: "replace", vms: [a, b] }]);
  return intake;
}

test("a generation takes effect at its end, and changes that came before it wait", () => {
  const intake = taken();
  intake.begin(2, 1);
  expect(intake.changed(change(2, 1))).toEqual({ type: "nothing" });
  // The old generation still speaks until the new one has ended.
  expect(intake.changed(change(1, 1))).toMatchObject({ type: "update" });
  expect(intake.chunk(2, 0, 1, [b!])).toEqual({ type: "nothing" });
  expect(intake.end(2)).toEqual([{ type: "replace", vms: [b] }, expect.objectContaining({ type: "update" })]);
  expect(intake.changed(change(2, 2))).toMatchObject({ type: "update" });
  expect(intake.changed(change(1, 2))).toEqual({ type: "nothing" });
});

test("a gap, a lost chunk, a chunk of nothing, and a wrong total ask for everything again", () => {
  expect(taken().changed(change(1, 2))).toMatchObject({ type: "resync" });
  expect(taken().changed(change(5, 1))).toMatchObject({ type: "resync" });
  const intake = taken();
  expect(intake.chunk(9, 0, 1, [a!])).toMatchObject({ type: "resync" });
  intake.begin(2, 2);
  expect(intake.chunk(2, 1, 1, [a!])).toMatchObject({ type: "resync" });
  intake.begin(3, 2);
  intake.chunk(3, 0, 1, [a!]);
  expect(intake.end(3)).toMatchObject([{ type: "resync" }]);
});

test("a malformed VM that was left out does not make the total wrong", () => {
  const intake = new SnapshotIntake();
  intake.begin(1, 2);
  intake.chunk(1, 0, 2, [a!]);
  expect(intake.end(1)).toEqual([{ type: "replace", vms: [a] }]);
});
