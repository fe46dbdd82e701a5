import { openOrClose } from "../closers.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

const CROWD = 20;

export const nbdCrowd: ScenarioDefinition = {
  name: "nbd-crowd",
  kind: "hang",
  description:
    "Twenty VMs with their disks on one NBD server; break freezes the server and sends stop to each: all their main loops block, for one cause. Yank nbd0 of each.",
  start: (lab, { vmName = "nbd-crowd", vmCount = CROWD }) =>
    openOrClose(async (closers) => {
      // One connection per VM, and some for the lab's own looks and for VMs that are plugged anew.
      const disk = await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp", clients: 2 * vmCount + 4 });
      closers.add(disk, (opened) => opened.close());
      const vms: LabVm[] = [];
      // One after another: twenty firmwares at once would take each other's time.
      for (let index = 0; index < vmCount; index += 1) {
        const name = `${vmName}-${String(index + 1).padStart(2, "0")}`;
        vms.push(closers.add(await LabVm.start(lab, { name, memoryMib: 16, devices: disk.devices }), (opened) => opened.close()));
      }
      const [first] = vms;
      if (first === undefined) throw new RangeError("A crowd has at least one VM");
      return composeScenario({
        vms,
        culprit: { vm: first, instance: { type: "block-node", "node-name": disk.nodeName } },
        closers,
        isBroken: async () => (await Promise.all(vms.map((vm) => vm.isHung()))).some(Boolean),
        async induce() {
          await disk.server.freeze();
          await Promise.all(vms.map((vm) => disk.startRequest(vm.raw)));
          for (const vm of vms) vm.raw.execute("stop", undefined, { timeoutMs: 0 }).catch(() => {});
          await Promise.all(vms.map((vm) => vm.waitUntilHung()));
        },
        async removeCause() {
          disk.server.thaw();
          await disk.startServer();
        },
        async restore(restarted) {
          for (const vm of vms) {
            await vm.waitUntilAnswering();
            if (restarted.has(vm)) continue;
            await disk.replug(vm.raw);
            await vm.raw.execute("cont");
          }
        },
      });
    }),
};
