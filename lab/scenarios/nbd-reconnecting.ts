import { openOrClose } from "../closers.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

const RECONNECT_DELAY_SECONDS = 3_600;

export const nbdReconnecting: ScenarioDefinition = {
  name: "nbd-reconnecting",
  kind: "look-alike",
  description:
    "A disk on NBD with an hour's reconnect-delay; break ends the server and sends stop: the main loop blocks, and a yank of nbd0 does nothing. Heal starts the server.",
  start: (lab, { vmName = "nbd-reconnecting" }) =>
    openOrClose(async (closers) => {
      const disk = await NbdDisk.start(lab, { name: `${vmName}-nbd`, reconnectDelaySeconds: RECONNECT_DELAY_SECONDS });
      closers.add(disk, (opened) => opened.close());
      const vm = closers.add(await LabVm.start(lab, { name: vmName, devices: disk.devices }), (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "block-node", "node-name": disk.nodeName } },
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          await disk.server.stop(0);
          await disk.startRequest(vm.raw);
          vm.raw.execute("stop", undefined, { timeoutMs: 0 }).catch(() => {});
          await vm.waitUntilHung();
        },
        removeCause: () => disk.startServer(),
        async restore(restarted) {
          await vm.waitUntilAnswering();
          if (!restarted.has(vm)) await vm.raw.execute("cont");
        },
      });
    }),
};
