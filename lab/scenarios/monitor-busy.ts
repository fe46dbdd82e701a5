import { openOrClose } from "../closers.ts";
import { MonitorOccupant } from "../monitor-occupant.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

export const monitorBusy: ScenarioDefinition = {
  name: "monitor-busy",
  kind: "look-alike",
  description: "A VM; break lets another client take its monitor: whoever connects gets no greeting until that client leaves (heal).",
  start: (lab, { vmName = "monitor-busy" }) =>
    openOrClose(async (closers) => {
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), (opened) => opened.close());
      const occupant = new MonitorOccupant(vm, closers);
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => occupant.isThere,
        induce: () => occupant.occupy(),
        removeCause: async () => occupant.leave(),
      });
    }),
};
