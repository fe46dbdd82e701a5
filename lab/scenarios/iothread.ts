import { join } from "node:path";
import { idleSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { type ScenarioDefinition, steadyScenario } from "../scenario.ts";
import { escapeValue } from "../vm-arguments.ts";
import { LabVm } from "../vm.ts";

export const iothread: ScenarioDefinition = {
  name: "iothread",
  kind: "healthy",
  description: "A VM whose local disk has an I/O thread of its own.",
  start: (lab, { vmName = "iothread" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-disk`), removeFolder);
      const image = await writeDisk(join(folder, "disk.img"), idleSector());
      const devices = [
        ...["-object", "iothread,id=io1"],
        ...["-blockdev", `driver=file,node-name=file0,filename=${escapeValue(image)}`],
        ...["-blockdev", "driver=raw,node-name=fmt0,file=file0"],
        ...["-device", "virtio-blk-pci,drive=fmt0,iothread=io1,id=vda"],
      ];
      const vm = closers.add(await LabVm.start(lab, { name: vmName, devices }), (opened) => opened.close());
      return steadyScenario("iothread", [vm], closers);
    }),
};
