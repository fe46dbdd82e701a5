import { openOrClose } from "../closers.ts";
import { NbdDisk as Disk } from "../nbd-disk.ts";
import { type ScenarioDefinition, steadyScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

export const nbdDisk: ScenarioDefinition = {
  name: "nbd-disk",
  kind: "healthy",
  description: "A VM that boots from a disk on an NBD server.",
  start: (lab, { vmName = "nbd-disk" }) =>
    openOrClose(async (closers) => {
      const disk = closers.add(await Disk.start(lab, { name: `${vmName}-nbd` }), (opened) => opened.close());
      const vm = closers.add(await LabVm.start(lab, { name: vmName, devices: disk.devices }), (opened) => opened.close());
      return steadyScenario("nbd-disk", [vm], closers);
    }),
};
