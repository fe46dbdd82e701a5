import { openOrClose } from "../closers.ts";
import { Freezer } from "../freezer.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

export const cgroupFrozen: ScenarioDefinition = {
  name: "cgroup-frozen",
  kind: "look-alike",
  description:
    "A VM; break freezes the cgroup of its QEMU: both lanes are silent and the process looks asleep, not stopped. Heal thaws it. Takes root.",
  start: (lab, { vmName = "cgroup-frozen" }) =>
    openOrClose(async (closers) => {
      // Opened first and closed last, because it can only be removed once the VM has ended.
      const freezer = Freezer.open(closers, vmName);
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), async (opened) => {
        freezer.thaw();
        await opened.close();
      });
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => freezer.isFrozen,
        induce: () => freezer.freeze(vm.process.pid),
        removeCause: async () => freezer.thaw(),
        async restore() {
          await vm.waitUntilAnswering();
        },
      });
    }),
};
