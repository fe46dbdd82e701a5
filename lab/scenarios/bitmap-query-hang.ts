import { openOrClose } from "../closers.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

/** H5 of the facts sheet. */
export const bitmapQueryHang: ScenarioDefinition = {
  name: "bitmap-query-hang",
  kind: "hang",
  description:
    "A qcow2 with a persistent bitmap on NBD; break freezes the server and somebody sends query-block, which reads the image: the main loop blocks. Yank nbd0.",
  start: (lab, { vmName = "bitmap-query-hang" }) =>
    openOrClose(async (closers) => {
      const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd`, format: "qcow2" }), (opened) => opened.close());
      const vm = closers.add(await LabVm.start(lab, { name: vmName, devices: disk.devices }), (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "block-node", "node-name": disk.nodeName } },
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          await disk.server.freeze();
          vm.raw.execute("query-block", undefined, { timeoutMs: 0 }).catch(() => {});
          await vm.waitUntilHung();
        },
        async removeCause() {
          disk.server.thaw();
          await disk.startServer();
        },
        async restore(restarted) {
          await vm.waitUntilAnswering();
          // A qcow2 whose bitmaps could not be written back is not opened again cleanly, so a new QEMU it is.
          if (!restarted.has(vm)) await vm.restart();
        },
      });
    }),
};
