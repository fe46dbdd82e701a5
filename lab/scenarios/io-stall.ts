import { join } from "node:path";
import { readSecondDiskSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";
import { staysOpen, waitFor } from "../wait-for.ts";

/** The guest reads 18 times a second, so this is nine reads that did not come. */
const STILL_AFTER_MS = 500;

/** Recipe 4. */
export const ioStall: ScenarioDefinition = {
  name: "io-stall",
  kind: "hang",
  description:
    "A guest that reads from a disk on NBD over TCP; break freezes the server: reads stand still while the main loop lives. Yank nbd0.",
  start: (lab, { vmName = "io-stall" }) =>
    openOrClose(async (closers) => {
      const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp" }), (opened) => opened.close());
      const folder = closers.add(await lab.makeFolder(`${vmName}-boot`), removeFolder);
      const bootDisk = await writeDisk(join(folder, "boot.img"), readSecondDiskSector());
      const vm = closers.add(await LabVm.start(lab, { name: vmName, bootDisk, devices: disk.devices }), (opened) => opened.close());
      async function isStill(): Promise<boolean> {
        const before = await completedReads(vm);
        await staysOpen(new Promise(() => {}), STILL_AFTER_MS);
        return (await completedReads(vm)) === before;
      }
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "block-node", "node-name": disk.nodeName } },
        closers,
        isBroken: async () => vm.isRunning && readsAreExpected(await completedReads(vm)) && (await isStill()),
        async induce() {
          await waitFor("the guest to read", async () => ((await isStill()) ? undefined : true));
          await disk.server.freeze();
          await waitFor("the reads to stand still", async () => ((await isStill()) ? true : undefined));
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

/** Before its first read of the second disk the guest is still in its firmware, which is not a stall. */
function readsAreExpected(reads: number): boolean {
  return reads > 5;
}

/** Reads of `vda` that ended, well or not. @see QEMU qapi/block-core.json, BlockDeviceStats */
async function completedReads(vm: LabVm): Promise<number> {
  const devices = (await vm.raw.execute("query-blockstats")) as {
    qdev?: string;
    stats: { rd_operations: number; failed_rd_operations: number };
  }[];
  const vda = devices.find((device) => device.qdev?.includes("/vda/"));
  return (vda?.stats.rd_operations ?? 0) + (vda?.stats.failed_rd_operations ?? 0);
}
