import { availableParallelism } from "node:os";
import { openOrClose } from "../closers.ts";
import { LabProcess } from "../lab-process.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

const VMS = 4;
const HOGS_PER_PROCESSOR = 3;

export const busyHost: ScenarioDefinition = {
  name: "busy-host",
  kind: "busy",
  description: "Four VMs on one NBD server; break starts three programs per processor that do nothing but count. Heal ends them.",
  start: (lab, { vmName = "busy-host", vmCount = VMS }) =>
    openOrClose(async (closers) => {
      const disk = await NbdDisk.start(lab, { name: `${vmName}-nbd`, clients: vmCount + 4 });
      closers.add(disk, (opened) => opened.close());
      const vms: LabVm[] = [];
      for (let index = 0; index < vmCount; index += 1) {
        const vm = await LabVm.start(lab, { name: `${vmName}-${index + 1}`, devices: disk.devices });
        vms.push(closers.add(vm, (opened) => opened.close()));
      }
      const hogs: LabProcess[] = [];
      const endHogs = async () => void (await Promise.all(hogs.splice(0).map((hog) => hog.stop(0))));
      closers.add(hogs, endHogs);
      return composeScenario({
        vms,
        closers,
        isBroken: async () => false,
        async induce() {
          for (let index = 0; index < HOGS_PER_PROCESSOR * availableParallelism(); index += 1) {
            hogs.push(
              await LabProcess.start(lab.processes, { what: "a busy program", command: process.execPath, args: ["-e", "for (;;) {}"] }),
            );
          }
        },
        removeCause: endHogs,
      });
    }),
};
