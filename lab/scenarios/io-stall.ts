import { readSecondDiskSector } from "../boot-sectors.ts";
import { GuestReads } from "../guest-reads.ts";
import { openOrClose } from "../closers.ts";
import { NbdDisk, type NbdDiskOptions } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

/** Recipe 4. */
export const ioStall = ioStallOver("io-stall", "tcp");
export const ioStallUnix = ioStallOver("io-stall-unix", "unix");

function ioStallOver(name: string, transport: NonNullable<NbdDiskOptions["transport"]>): ScenarioDefinition {
  const over = transport === "tcp" ? "TCP" : "a unix socket";
  return {
    name,
    kind: "hang",
    description: `A guest that reads from a disk on NBD over ${over}; break freezes the server: reads stand still while the main loop lives. Yank nbd0.`,
    start: (lab, { vmName = name }) =>
      openOrClose(async (closers) => {
        const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport }), (opened) => opened.close());
        const reads = await GuestReads.start(lab, closers, { vmName, bootSector: readSecondDiskSector(), devices: disk.devices });
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
            if (restarted.has(vm)) return;
            await disk.replug(vm.raw);
            if ((await vm.runState()) !== "running") await vm.raw.execute("cont");
          },
        });
      }),
  };
}
