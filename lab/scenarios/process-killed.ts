import { openOrClose } from "../closers.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

export const processKilled: ScenarioDefinition = {
  name: "process-killed",
  kind: "look-alike",
  description: "A VM; break kills its QEMU, as a crash does: the connection ends without SHUTDOWN. Heal starts it again.",
  start: (lab, { vmName = "process-killed" }) =>
    openOrClose(async (closers) => {
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => !vm.isRunning,
        async induce() {
          vm.process.signal("SIGKILL");
          await vm.process.exited;
        },
        removeCause: async () => {},
      });
    }),
};
