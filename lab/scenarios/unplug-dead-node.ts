import { openOrClose } from "../closers.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

/** H4 of the facts sheet. */
export const unplugDeadNode: ScenarioDefinition = {
  name: "unplug-dead-node",
  kind: "hang",
  description:
    "A disk on one NBD server and an unused node on another; break freezes the other one and sends blockdev-del, whose flush blocks the main loop. Yank nbd1.",
  start: (lab, { vmName = "unplug-dead-node" }) =>
    openOrClose(async (closers) => {
      const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd0`, transport: "tcp" }), (opened) => opened.close());
      const unused = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd1`, transport: "tcp", index: 1 }), (opened) =>
        opened.close(),
      );
      const devices = [...disk.devices, ...unused.nodes()];
      const vm = closers.add(await LabVm.start(lab, { name: vmName, devices }), (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "block-node", "node-name": unused.nodeName } },
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          await unused.server.freeze();
          vm.raw.execute("blockdev-del", { "node-name": unused.formatNode }, { timeoutMs: 0 }).catch(() => {});
          vm.raw.execute("blockdev-del", { "node-name": unused.nodeName }, { timeoutMs: 0 }).catch(() => {});
          await vm.waitUntilHung();
        },
        async removeCause() {
          unused.server.thaw();
          await unused.startServer();
        },
        async restore(restarted) {
          await vm.waitUntilAnswering();
          if (restarted.has(vm)) return;
          await vm.raw.execute("blockdev-add", unused.nodeOptions());
          await vm.raw.execute("blockdev-add", { driver: "raw", "node-name": unused.formatNode, file: unused.nodeName });
        },
      });
    }),
};
