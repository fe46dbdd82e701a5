import { readTwoDisksSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { GuestReads } from "../guest-reads.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

export const twoDisksHang = twoDisks("two-disks-hang", true);
export const twoDisksStall = twoDisks("two-disks-stall", false);

/** Two NBD nodes of which one is dead: which of them must be told, not guessed. */
function twoDisks(name: string, withStop: boolean): ScenarioDefinition {
  const trouble = withStop ? "and sends stop: the main loop blocks" : ": reads stand still while the main loop lives";
  return {
    name,
    kind: "hang",
    description: `A guest that reads from two NBD disks in turn; break freezes the second one's server ${trouble}. Yank nbd1, not nbd0.`,
    start: (lab, { vmName = name }) =>
      openOrClose(async (closers) => {
        const [well, dead] = await Promise.all(
          [0, 1].map((index) => NbdDisk.start(lab, { name: `${vmName}-nbd${index}`, transport: "tcp", index })),
        );
        if (well === undefined || dead === undefined) throw new Error("two disks were asked for");
        for (const disk of [well, dead]) closers.add(disk, (opened) => opened.close());
        const devices = [...well.devices, ...dead.devices];
        const reads = await GuestReads.start(lab, closers, { vmName, bootSector: readTwoDisksSector(), devices });
        const { vm } = reads;
        return composeScenario({
          vms: [vm],
          culprit: { vm, instance: { type: "block-node", "node-name": dead.nodeName } },
          closers,
          isBroken: () => (withStop ? vm.isHung() : reads.haveStopped()),
          async induce() {
            await reads.waitUntilMoving();
            await dead.server.freeze();
            await reads.waitUntilStill();
            if (!withStop) return;
            vm.raw.execute("stop", undefined, { timeoutMs: 0 }).catch(() => {});
            await vm.waitUntilHung();
          },
          async removeCause() {
            dead.server.thaw();
            await dead.startServer();
          },
          async restore(restarted) {
            await vm.waitUntilAnswering();
            if (restarted.has(vm)) return;
            await dead.replug(vm.raw);
            if ((await vm.runState()) !== "running") await vm.raw.execute("cont");
          },
        });
      }),
  };
}
