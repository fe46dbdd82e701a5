import { join } from "node:path";
import { readSecondDiskSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { GuestReads } from "../guest-reads.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { NBD_DISK_BYTES, NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { escapeValue } from "../vm-arguments.ts";

/** As a COLO primary has its disk, without the secondary. */
export const quorumChild: ScenarioDefinition = {
  name: "quorum-child",
  kind: "hang",
  description:
    "A guest that reads from a quorum of a local disk and one on NBD; break freezes the server: the quorum waits for its child. Yank nbd0, and the local child goes on alone.",
  start: (lab, { vmName = "quorum-child" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-disk`), removeFolder);
      const image = await writeDisk(join(folder, "disk.img"), Buffer.alloc(512), NBD_DISK_BYTES);
      const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp" }), (opened) => opened.close());
      const devices = [
        ...["-blockdev", `driver=file,node-name=local-file,filename=${escapeValue(image)}`],
        ...["-blockdev", "driver=raw,node-name=local0,file=local-file"],
        ...disk.nodes(),
        ...["-blockdev", "driver=quorum,node-name=quorum0,vote-threshold=1,children.0=local0,children.1=fmt0"],
        ...disk.deviceOn("quorum0"),
      ];
      const reads = await GuestReads.start(lab, closers, { vmName, bootSector: readSecondDiskSector(), devices });
      const { vm } = reads;
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "block-node", "node-name": disk.nodeName } },
        closers,
        isBroken: () => reads.haveStopped(),
        async induce() {
          await reads.waitUntilMoving();
          await disk.server.freeze();
          await reads.waitUntilStill();
        },
        async removeCause() {
          disk.server.thaw();
          await disk.startServer();
        },
        async restore(restarted) {
          // A child that was yanked stays dead, so a new QEMU it is.
          if (!restarted.has(vm)) await vm.restart();
          await reads.waitUntilMoving();
        },
      });
    }),
};
