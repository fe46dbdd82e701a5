import { expect, test } from "vitest";
import { isAcknowledged, isConfirmed } from "./confirmation.ts";

test("a click needs no name, and a name has to be the whole one", () => {
  expect(isConfirmed({ kind: "click" }, undefined)).toBe(true);
  const byName = { kind: "type-name" as const, name: "db-07" };
  expect(isConfirmed(byName, "db-07")).toBe(true);
  expect(isConfirmed(byName, " db-07 ")).toBe(true);
  for (const typed of [undefined, "", "db-0", "DB-07", "db-077"]) expect(isConfirmed(byName, typed)).toBe(false);
});

test("where a sentence has to be acknowledged the name is not enough", () => {
  const strongest = { kind: "type-name" as const, name: "db-07", acknowledge: "I know" };
  expect(isConfirmed(strongest, "db-07")).toBe(true);
  for (const said of [undefined, false]) expect(isAcknowledged(strongest, said)).toBe(false);
  expect(isAcknowledged(strongest, true)).toBe(true);
  for (const other of [{ kind: "click" as const }, { kind: "type-name" as const, name: "db-07" }])
    expect(isAcknowledged(other, undefined)).toBe(true);
});
