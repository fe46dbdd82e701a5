import { join } from "node:path";
import { DEBUG_CONSOLE_PORT, floodOnKeySector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { Peer } from "../peer.ts";
import { hasMillisecondReconnect } from "../qemu.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { requireSocketPath } from "../socket-path.ts";
import { escapeValue } from "../vm-arguments.ts";
import { LabVm } from "../vm.ts";
import { waitFor } from "../wait-for.ts";

const CHARDEV = "console0";
const RECONNECT_SECONDS = 2;

/** H8 of the facts sheet, with a client that reconnects. */
export const consoleRehang: ScenarioDefinition = {
  name: "console-rehang",
  kind: "hang",
  description:
    "A debug console that is a client with reconnect, and a guest that writes without end; break stops its collector: a vCPU blocks, a yank of console0 frees it, and it hangs again on the same peer.",
  start: (lab, { vmName = "console-rehang" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-console`), removeFolder);
      const path = requireSocketPath(join(folder, "console.sock"));
      const collector = await Peer.start(lab, closers, { what: `console collector of ${vmName}`, path });
      const reconnect = hasMillisecondReconnect(lab.qemu.version)
        ? `reconnect-ms=${RECONNECT_SECONDS * 1_000}`
        : `reconnect=${RECONNECT_SECONDS}`;
      const vm = await LabVm.start(lab, {
        name: vmName,
        bootDisk: await writeDisk(join(folder, "boot.img"), floodOnKeySector()),
        devices: [
          ...["-chardev", `socket,id=${CHARDEV},path=${escapeValue(path)},${reconnect}`],
          ...["-device", `isa-debugcon,iobase=${DEBUG_CONSOLE_PORT},chardev=${CHARDEV},id=debugcon0`],
        ],
      });
      closers.add(vm, (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "chardev", id: CHARDEV } },
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          await collector.freeze();
          // Pressed again until it takes: the firmware may still be starting and drop the key.
          await waitFor("the guest to fill its console", async () => {
            vm.raw.execute("send-key", { keys: [{ type: "qcode", data: "a" }] }, { timeoutMs: 0 }).catch(() => {});
            return (await vm.isHung()) ? true : undefined;
          });
        },
        removeCause: async () => collector.thaw(),
        async restore(restarted) {
          await vm.waitUntilAnswering();
          // The guest would write on, and cost a whole processor.
          if (!restarted.has(vm)) await vm.raw.execute("system_reset");
        },
      });
    }),
};
