import { expect, test } from "vitest";
import type { VmSummary } from "#lib/api/vm";
import type { FleetSort } from "./column-ids.ts";
import { bridge, vmSummary } from "../testing/fixtures.ts";
import { createFleetSorter, emptyReason, worstTrouble } from "./fleet-view.ts";

const hung = (name: string, sinceAtMs: number) =>
  vmSummary({ vmId: name, name, health: { kind: "main-loop-hung", cord: "in-reach", sinceAtMs, readingAtMs: 0 } });
const silent = vmSummary({ vmId: "s", name: "s", health: { kind: "silent", reason: "stopped", sinceAtMs: 1, readingAtMs: 0 } });
const busy = vmSummary({ vmId: "b", name: "b", health: { kind: "monitor-busy", sinceAtMs: 1, readingAtMs: 0 } });
const well = (name: string, sinceAtMs = 0) => vmSummary({ vmId: name, name, health: { kind: "healthy", sinceAtMs, readingAtMs: 0 } });

const sortFleet = (vms: VmSummary[]) => createFleetSorter()(vms);

test("sorts the worst first, among equals the longest lasting", () => {
  const sorted = sortFleet([well("a"), busy, hung("late", 500), silent, hung("early", 100)]);
  expect(sorted.map((vm) => vm.name)).toEqual(["early", "late", "s", "b", "a"]);
});

test("quiet rows keep their places by name, numbers in them counted as numbers", () => {
  expect(sortFleet([well("web-10", 1), well("web-2", 3), well("Web-1", 2)]).map((vm) => vm.name)).toEqual(["Web-1", "web-2", "web-10"]);
});

test("sorting leaves the list in the cache alone", () => {
  const vms = [well("b"), well("a")];
  sortFleet(vms);
  expect(vms.map((vm) => vm.name)).toEqual(["b", "a"]);
});

test("sorted by a column, those in trouble stay on top, and equals go by name", () => {
  const on = (vm: VmSummary, host: string) => ({ ...vm, host });
  const vms = [on(well("c"), "kvm-10"), on(well("b"), "kvm-2"), on(hung("z", 1), "kvm-3"), on(well("a"), "kvm-10")];
  const names = (sort: FleetSort) => createFleetSorter()(vms, sort).map((vm) => vm.name);
  expect(names({ column: "host", isDescending: false })).toEqual(["z", "b", "a", "c"]);
  expect(names({ column: "host", isDescending: true })).toEqual(["z", "a", "c", "b"]);
  expect(names({ column: "name", isDescending: true })).toEqual(["z", "c", "b", "a"]);
});

test("a sorter that has seen the names notices new ones and changed ones", () => {
  const sort = createFleetSorter();
  sort([well("b"), well("c")]);
  expect(sort([well("b"), well("c"), well("a")]).map((vm) => vm.name)).toEqual(["a", "b", "c"]);
  expect(sort([{ ...well("b"), name: "z" }, well("c")]).map((vm) => vm.name)).toEqual(["c", "z"]);
});

test("the banner speaks of the worst trouble and is silent where there is none", () => {
  expect(worstTrouble(sortFleet([silent, hung("late", 500), hung("early", 100)]))).toMatchObject({
    kind: "main-loop-hung",
    vms: [{ name: "early" }, { name: "late" }],
  });
  expect(worstTrouble(sortFleet([busy, well("a")]))).toBeUndefined();
  expect(worstTrouble([])).toBeUndefined();
});

test("the set-up screen shows only where every bridge has told and this browser has what they told", () => {
  const told = bridge({ vmCount: 0 });
  const syncing = bridge({ vmCount: 0, isSyncing: true });
  const absent = bridge({ isConnected: false });
  expect(emptyReason([told], false)).toBe("none-found");
  expect(emptyReason([told, absent], false)).toBe("none-found");
  expect(emptyReason([], true)).toBe("no-bridge");
  expect(emptyReason([told, syncing], false)).toBe("reading");
  expect(emptyReason([told], true)).toBe("reading");
  expect(emptyReason([absent], false)).toBe("waiting");
});
