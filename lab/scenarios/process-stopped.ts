import { openOrClose } from "../closers.ts";
import { readProcessStat } from "../process-identity.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

export const processStopped: ScenarioDefinition = {
  name: "process-stopped",
  kind: "look-alike",
  description: "A VM; break sends SIGSTOP to its QEMU: in-band and out-of-band are both silent, and nothing can be yanked.",
  start: (lab, { vmName = "process-stopped" }) =>
    openOrClose(async (closers) => {
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => vm.isRunning && readProcessStat(vm.process.pid)?.state === "T",
        induce: () => vm.process.freeze(),
        removeCause: async () => vm.process.thaw(),
        async restore() {
          await vm.waitUntilAnswering();
        },
      });
    }),
};
