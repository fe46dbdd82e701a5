import { expect, test } from "vitest";
import type { MemberCord } from "#lib/api/incident";
import { incidentMember, planOf } from "../testing/fixtures.ts";
import { leftOut } from "../yank/left-out.tsx";
import { cordId, cordIds, NOTHING_SELECTED, planTargets, selectAll, stillSelected, withSelected } from "./member-selection.ts";

const cord = (vmId: string, ...names: string[]): MemberCord => ({
  vmId,
  instances: names.map((name) => ({
    instance: { type: "block-node", "node-name": name },
    key: `block-node:${name}`,
    name,
    score: "likely",
    reason: "12 kB sent, nothing received for 9 s",
  })),
  ...(names.length === 0 && { whyNot: "its process is stopped; continue pid 4711" }),
});
const members = [incidentMember({ vmId: "a" }), incidentMember({ vmId: "b" }), incidentMember({ vmId: "c" })];
const cords = [cord("a", "nbd0"), cord("b", "nbd0", "nbd1"), cord("c")];

test("nothing is chosen before somebody chooses it", () => {
  expect(planTargets(NOTHING_SELECTED, { members, cords })).toEqual([]);
});

test("all that can be yanked is every cord of every member, and no VM without one", () => {
  const all = selectAll(cords);
  expect(planTargets(all, { members, cords })).toEqual([
    { vmId: "a", instances: [{ type: "block-node", "node-name": "nbd0" }] },
    {
      vmId: "b",
      instances: [
        { type: "block-node", "node-name": "nbd0" },
        { type: "block-node", "node-name": "nbd1" },
      ],
    },
  ]);
});

test("of a VM with two cords one can be chosen alone", () => {
  const both = withSelected(NOTHING_SELECTED, cordIds(cords[1]!), true);
  const one = withSelected(both, [cordId("b", "block-node:nbd0")], false);
  expect(planTargets(one, { members, cords })).toEqual([{ vmId: "b", instances: [{ type: "block-node", "node-name": "nbd1" }] }]);
});

test("what cannot be planned any more is not chosen any more", () => {
  const all = selectAll(cords);
  const later = [cord("a"), cord("b", "nbd1"), cord("c")];
  expect([...stillSelected(all, later)]).toEqual([cordId("b", "block-node:nbd1")]);
});

test("a plan says which VMs in trouble it leaves alone: those that nobody chose, and those that cannot be cut", () => {
  const [target] = planOf({}).targets;
  const plan = { targets: [{ ...target!, vmId: "a" }] };
  const recovered = incidentMember({ vmId: "d", isInTrouble: false });
  expect(leftOut(plan, { members: [...members, recovered], cords })).toEqual([
    { vmId: "b", name: "web-1", why: "not selected" },
    { vmId: "c", name: "web-1", why: "its process is stopped; continue pid 4711" },
  ]);
});
