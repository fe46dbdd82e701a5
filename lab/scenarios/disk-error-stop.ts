import { readSecondDiskSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { GuestReads } from "../guest-reads.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { waitFor } from "../wait-for.ts";

export const diskErrorStop: ScenarioDefinition = {
  name: "disk-error-stop",
  kind: "look-alike",
  description:
    "A guest that reads from NBD with rerror=stop; break ends the server: the guest is stopped with io-error, and cont stops it again until the node is replaced (heal).",
  start: (lab, { vmName = "disk-error-stop" }) =>
    openOrClose(async (closers) => {
      const disk = await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp", onError: "stop" });
      closers.add(disk, (opened) => opened.close());
      const reads = await GuestReads.start(lab, closers, { vmName, bootSector: readSecondDiskSector(), devices: disk.devices });
      const { vm } = reads;
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => vm.isRunning && (await vm.runState()) === "io-error",
        async induce() {
          await reads.waitUntilMoving();
          await disk.server.stop(0);
          await waitFor("the guest to stop", async () => ((await vm.runState()) === "io-error" ? true : undefined));
        },
        removeCause: () => disk.startServer(),
        async restore(restarted) {
          if (!restarted.has(vm)) {
            await disk.replug(vm.raw);
            await vm.raw.execute("cont");
          }
          await reads.waitUntilMoving();
        },
      });
    }),
};
