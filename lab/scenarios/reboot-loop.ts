import { join } from "node:path";
import { rebootLoopSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { type ScenarioDefinition, steadyScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

export const rebootLoop: ScenarioDefinition = {
  name: "reboot-loop",
  kind: "healthy",
  description: "A guest that resets its machine a second after it has booted, for ever.",
  start: (lab, { vmName = "reboot-loop" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-boot`), removeFolder);
      const bootDisk = await writeDisk(join(folder, "boot.img"), rebootLoopSector());
      const vm = closers.add(await LabVm.start(lab, { name: vmName, bootDisk }), (opened) => opened.close());
      return steadyScenario("reboot-loop", [vm], closers);
    }),
};
