import fc from "fast-check";
import { expect, test } from "vitest";
import type { VmSummary } from "#lib/api/vm";
import { vmSummary } from "../testing/fixtures.ts";
import { createFleetSorter } from "./fleet-view.ts";
import { holdOrder, shownOrder } from "./hold-order.ts";

const vm = (name: string, isHung = false): VmSummary =>
  vmSummary({
    vmId: name,
    name,
    health: isHung
      ? { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: 1, readingAtMs: 1 }
      : { kind: "healthy", sinceAtMs: 0, readingAtMs: 0 },
  });
const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const names = (rows: readonly VmSummary[]) => rows.map(({ name }) => name);

function hold(before: VmSummary[], wanted: VmSummary[], { all = wanted, anchor }: { all?: VmSummary[]; anchor?: string } = {}) {
  return names(holdOrder(shownOrder(before), wanted, { byId: new Map(all.map((row) => [row.vmId, row])), anchor }));
}

test("rows stay where they are while somebody points at one, however they would sort", () => {
  expect(hold([vm("x", true), vm("a"), vm("b")], [vm("a"), vm("b"), vm("x")])).toEqual(["x", "a", "b"]);
});

test("what is newly in trouble rises to its place among the troubled", () => {
  const before = [vm("m", true), vm("a"), vm("b"), vm("c")];
  expect(hold(before, [vm("b", true), vm("m", true), vm("a"), vm("c")])).toEqual(["b", "m", "a", "c"]);
  expect(hold(before, [vm("m", true), vm("z", true), vm("a"), vm("b"), vm("c")])).toEqual(["m", "z", "a", "b", "c"]);
});

test("not even trouble moves the row that is pointed at", () => {
  expect(hold([vm("a"), vm("b")], [vm("b", true), vm("a")], { anchor: "b" })).toEqual(["a", "b"]);
});

test("a row that does not fit the filter any more stays until it is let go, and one that ended goes", () => {
  expect(hold([vm("a"), vm("b"), vm("c")], [vm("a")], { all: [vm("a"), vm("b")] })).toEqual(["a", "b"]);
});

test("what is new and well comes last", () => {
  expect(hold([vm("b")], [vm("a"), vm("b")])).toEqual(["b", "a"]);
});

test("no row is lost or doubled, and those that stay keep their order", () => {
  const rows = fc.uniqueArray(fc.record({ name: fc.constantFrom(...NAMES), isHung: fc.boolean() }), {
    selector: ({ name }) => name,
  });
  fc.assert(
    fc.property(rows, rows, fc.constantFrom(undefined, ...NAMES), (first, second, anchor) => {
      const sort = createFleetSorter();
      const before = sort(first.map(({ name, isHung }) => vm(name, isHung)));
      const wanted = sort(second.map(({ name, isHung }) => vm(name, isHung)));
      const held = hold(before, wanted, anchor === undefined ? {} : { anchor });
      expect(held.toSorted()).toEqual(names(wanted).toSorted());
      const wasTroubled = shownOrder(before).troubled;
      const isTroubled = shownOrder(wanted).troubled;
      const stays = (name: string) => name === anchor || wasTroubled.has(name) || !isTroubled.has(name);
      expect(held.filter((name) => stays(name) && names(before).includes(name))).toEqual(
        names(before).filter((name) => stays(name) && held.includes(name)),
      );
    }),
  );
});
