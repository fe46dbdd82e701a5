import { expect, test } from "vitest";
import { vmSummary } from "../testing/fixtures.ts";
import { countFacet, facetValues, facetValueWord, matchesFacets, NO_VALUE, toggleFacet } from "./facets.ts";
import { finderOf, matchesSearch } from "./search-text.ts";

const web = vmSummary({ vmId: "w", name: "web-1", host: "kvm-2", tags: ["shop", "front"], qemuVersion: "7.2.22" });
const db = vmSummary({ vmId: "d", name: "db-1", host: "kvm-10", tags: ["shop"], farSides: ["NBD server 10.0.4.15:10809"] });
const hung = vmSummary({
  vmId: "h",
  name: "db-2",
  host: "kvm-10",
  health: { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: 0, readingAtMs: 0 },
});
const ALL = [web, db, hung];

test("a VM is shown that has one of the values of every facet of which something is chosen", () => {
  const shown = (chosen: Parameters<typeof matchesFacets>[1]) => ALL.filter((vm) => matchesFacets(vm, chosen)).map((vm) => vm.name);
  expect(shown({})).toEqual(["web-1", "db-1", "db-2"]);
  expect(shown({ host: ["kvm-10"] })).toEqual(["db-1", "db-2"]);
  expect(shown({ host: ["kvm-10", "kvm-2"], tag: ["front"] })).toEqual(["web-1"]);
  expect(shown({ far: [NO_VALUE] })).toEqual(["web-1", "db-2"]);
});

test("values are counted as if nothing were chosen of their own facet, so that more can be chosen", () => {
  expect(countFacet(ALL, "host", { host: ["kvm-2"], tag: ["shop"] })).toEqual([
    { value: "kvm-2", count: 1 },
    { value: "kvm-10", count: 1 },
  ]);
});

test("a chosen value stays when its last VM has left it", () => {
  expect(countFacet([web], "verdict", { verdict: ["silent"] })).toContainEqual({ value: "silent", count: 0 });
});

test("choosing a value again leaves it out, and the last one leaves nothing behind", () => {
  const once = toggleFacet({}, "tag", "shop");
  expect(once).toEqual({ tag: ["shop"] });
  expect(toggleFacet(once, "tag", "shop")).toEqual({});
});

test("what a VM does not have is filed under a value of its own, in words", () => {
  expect(facetValues(hung, "version")).toEqual([NO_VALUE]);
  expect(facetValueWord("version", NO_VALUE)).toBe("Not known");
  expect(facetValueWord("verdict", "io-stalled")).toBe("I/O stalled");
});

test("finds a VM by every word of the search, in all that a row says of it", () => {
  const vm = vmSummary({
    name: "db-prod-07",
    host: "kvm-03",
    address: "/run/x/db.sock",
    tags: ["payments"],
    launcher: "libvirt",
    qemuVersion: "9.2.1",
    runState: "paused",
    farSides: ["NBD server 10.0.4.15:10809, export exp"],
    suspect: { key: "block-node:nbd0", name: "nbd0", score: "likely", reason: "", serves: "guest disk vda" },
  });
  for (const search of ["PROD kvm-03", "pay db.sock", "10.0.4.15", "nbd0", "vda", "paused", "9.2.1", "libvirt", "healthy", "  "])
    expect(matchesSearch(vm, search), search).toBe(true);
  expect(matchesSearch(vm, "prod kvm-04")).toBe(false);
  expect(ALL.filter(finderOf("db shop")).map(({ name }) => name)).toEqual(["db-1"]);
});
