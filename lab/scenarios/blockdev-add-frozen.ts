import { openOrClose } from "../closers.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

const LATE_NODE = "nbd-late";

/** H6 of the facts sheet. */
export const blockdevAddFrozen: ScenarioDefinition = {
  name: "blockdev-add-frozen",
  kind: "look-alike",
  description:
    "A VM; break sends blockdev-add towards a frozen NBD server: the main loop waits for its handshake, and a yank of nbd-late does nothing. Heal wakes the server.",
  start: (lab, { vmName = "blockdev-add-frozen" }) =>
    openOrClose(async (closers) => {
      const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd` }), (opened) => opened.close());
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), (opened) => opened.close());
      let addition: Promise<unknown> | undefined;
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "block-node", "node-name": LATE_NODE } },
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          await disk.server.freeze();
          addition = vm.raw.execute("blockdev-add", disk.nodeOptions(LATE_NODE), { timeoutMs: 0 }).catch(() => {});
          await vm.waitUntilHung();
        },
        async removeCause() {
          disk.server.thaw();
          await disk.startServer();
        },
        async restore(restarted) {
          await vm.waitUntilAnswering();
          await addition;
          if (!restarted.has(vm)) await vm.raw.execute("blockdev-del", { "node-name": LATE_NODE }).catch(() => {});
        },
      });
    }),
};
