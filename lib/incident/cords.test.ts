import { describe, expect, test } from "vitest";
import { guestDisk, hungVm, monitorChardev, serialConsole } from "../../tests/support/vm-report.ts";
import type { InstanceView } from "../api/vm.ts";
import type { SuspicionScore } from "../diagnosis/suspicion.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import { cordOf } from "./cords.ts";
import type { IncidentMember } from "./incident.ts";

const MEMBER: IncidentMember = {
  vmId: "aaaaaa",
  name: "db",
  bridgeId: "b",
  host: "h",
  kind: "main-loop-hung",
  isInTrouble: true,
  worstKind: "main-loop-hung",
  joinedAtMs: 2,
  sinceAtMs: 1,
  flapCount: 0,
};
const CAUSE = { kind: "far-side", key: "nbd:tcp:10.0.0.9:10809/exp", text: "NBD 10.0.0.9:10809, export exp" } as const;

function cord(
  instances: [InstanceReport, SuspicionScore][],
  { member = {}, report = {} }: { member?: Partial<IncidentMember>; report?: Partial<VmReport> } = {},
) {
  const reports = instances.map(([instance]) => instance);
  const views = instances.map(([instance, score]): InstanceView => ({
    ...instance,
    clues: [],
    sockets: [],
    suspicion: { score, reasons: ["99 kB sent"] },
  }));
  return cordOf(
    { ...MEMBER, ...member },
    {
      cause: CAUSE,
      vm: { report: hungVm({ vmId: "aaaaaa", name: "db", instances: reports, ...report }), bridgeId: "b", host: "h", isLost: false },
      view: { instances: views, helps: [{ code: "heal-far-side", text: "bring its server back" }] },
    },
  );
}
const names = (...given: Parameters<typeof cord>) => cord(...given).instances.map((instance) => instance.name);

describe("what a plan from an incident names of a member", () => {
  test("is its suspect, and nothing that only might be", () => {
    expect(
      names([
        [guestDisk(), "possible"],
        [serialConsole(), "likely"],
      ]),
    ).toEqual(["ser0"]);
    expect(cord([[guestDisk(), "almost-certainly"]]).instances).toMatchObject([
      { key: "block-node:nbd0", score: "almost-certainly", reason: "99 kB sent" },
    ]);
  });

  test("is what leads to the incident's cause where no suspect stands out", () => {
    expect(
      names([
        [guestDisk(), "possible"],
        [serialConsole(), "possible"],
      ]),
    ).toEqual(["nbd0"]);
  });

  test.each<[string, ReturnType<typeof cord>, string]>([
    ["a suspect that is a monitor", cord([[monitorChardev(), "likely"]]), "nothing points at one of its connections"],
    [
      "a suspect without a connection",
      cord([[guestDisk({ connection: "reconnecting" }), "likely"]]),
      "no connection that a yank could cut; bring its server back",
    ],
    ["a cord that is out of reach", cord([[guestDisk(), "likely"]], { report: { hasOob: false } }), "offers no out-of-band commands"],
    ["a member that is well", cord([[guestDisk(), "likely"]], { member: { isInTrouble: false } }), "not in trouble any more"],
    ["a member that is gone", cord([[guestDisk(), "likely"]], { member: { endedAtMs: 5 } }), "not there any more"],
    ["a member that went on elsewhere", cord([[guestDisk(), "likely"]], { member: { movedToId: "inc-2" } }), "another incident"],
  ])("for %s says why it names nothing", (_, { instances, whyNot }, why) => {
    expect(instances).toEqual([]);
    expect(whyNot).toContain(why);
  });
});
