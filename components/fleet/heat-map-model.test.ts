import { expect, test } from "vitest";
import type { VmSummary } from "#lib/api/vm";
import { vmSummary } from "../testing/fixtures.ts";
import { cellAt, countKinds, groupByHost, isSameHost, placeOf, QUIET_COLUMNS, quietPath, stepOnMap } from "./heat-map-model.ts";

const well = (name: string, host = "kvm-1") => vmSummary({ vmId: name, name, host });
const silent = (name: string, host = "kvm-1") =>
  vmSummary({ vmId: name, name, host, health: { kind: "silent", reason: "stopped", sinceAtMs: 0, readingAtMs: 0 } });
const many = (count: number): VmSummary[] => Array.from({ length: count }, (_, index) => well(`v${index}`));

test("hosts stand by name, and the troubled ones of each apart from its quiet ones", () => {
  const hosts = groupByHost([well("a", "kvm-10"), silent("b", "kvm-2"), well("c", "kvm-2")]);
  expect(hosts.map(({ host }) => host)).toEqual(["kvm-2", "kvm-10"]);
  expect(hosts[0]).toMatchObject({ troubled: [{ name: "b" }], quiet: [{ name: "c" }] });
  expect(countKinds(hosts[0]!)).toEqual([
    { kind: "silent", count: 1 },
    { kind: "healthy", count: 1 },
  ]);
});

test("a thousand quiet cells are one path", () => {
  const path = quietPath(many(1_000), "healthy");
  expect(path.match(/M/g)).toHaveLength(1_000);
  expect(quietPath(many(3), "slow")).toBe("");
});

test("a cell is found again at the place where it is drawn, and none beside them", () => {
  for (const index of [0, 5, QUIET_COLUMNS, 99]) {
    const { xPx, yPx } = placeOf(index);
    expect(cellAt(xPx + 6, yPx + 6, 100)).toBe(index);
  }
  expect(cellAt(-1, 0, 100)).toBeUndefined();
  expect(cellAt(QUIET_COLUMNS * 12 + 1, 0, 100)).toBeUndefined();
  expect(cellAt(11 * 12, 0, 3)).toBeUndefined();
});

test("arrow keys walk along rows, down to the next one, and over the edge of a host", () => {
  const hosts = groupByHost([silent("s"), ...many(13), well("next", "kvm-2")]);
  expect(stepOnMap(hosts, "s", "ArrowRight")).toBe("v0");
  expect(stepOnMap(hosts, "s", "ArrowDown")).toBe("v0");
  expect(stepOnMap(hosts, "v3", "ArrowDown")).toBe("v12");
  expect(stepOnMap(hosts, "v12", "ArrowDown")).toBe("next");
  expect(stepOnMap(hosts, "v5", "Home")).toBe("s");
  expect(stepOnMap(hosts, "s", "End")).toBe("next");
  expect(stepOnMap(hosts, "next", "ArrowRight")).toBeUndefined();
  expect(stepOnMap(hosts, "s", "ArrowLeft")).toBeUndefined();
});

test("a host is drawn anew only when one of its rows was replaced", () => {
  const vms = [silent("s"), ...many(3)];
  const [host] = groupByHost(vms);
  expect(isSameHost(host!, groupByHost(vms)[0]!)).toBe(true);
  expect(isSameHost(host!, groupByHost([silent("s"), ...vms.slice(1)])[0]!)).toBe(false);
});
