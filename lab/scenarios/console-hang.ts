import { join } from "node:path";
import { DEBUG_CONSOLE_PORT, burstOnKeySector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { ConsoleReader } from "../console-reader.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { requireSocketPath } from "../socket-path.ts";
import { socketChardev } from "../vm-arguments.ts";
import { LabVm } from "../vm.ts";
import { waitFor } from "../wait-for.ts";

const CHARDEV = "console0";

/** Recipe 2, with a guest that writes only when a key is pressed, so that it costs nothing while it is well. */
export const consoleHang: ScenarioDefinition = {
  name: "console-hang",
  kind: "hang",
  description:
    "A debug console on a socket; break stops reading it while the guest writes: a vCPU blocks with the big lock held. Yank console0.",
  start: (lab, { vmName = "console-hang" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-console`), removeFolder);
      const path = requireSocketPath(join(folder, "console.sock"));
      const vm = await LabVm.start(lab, {
        name: vmName,
        bootDisk: await writeDisk(join(folder, "boot.img"), burstOnKeySector()),
        devices: [...socketChardev(CHARDEV, path), "-device", `isa-debugcon,iobase=${DEBUG_CONSOLE_PORT},chardev=${CHARDEV},id=debugcon0`],
      });
      closers.add(vm, (opened) => opened.close());
      const reader = new ConsoleReader(path, closers);
      await reader.read();
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "chardev", id: CHARDEV } },
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          await reader.hold();
          // Pressed again until it takes: the firmware may still be starting and drop the key.
          await waitFor("the guest to fill its console", async () => {
            // Not awaited: the guest may block before the reply is out.
            vm.raw.execute("send-key", { keys: [{ type: "qcode", data: "a" }] }, { timeoutMs: 0 }).catch(() => {});
            return (await vm.isHung()) ? true : undefined;
          });
        },
        async removeCause() {
          reader.close();
        },
        async restore() {
          await vm.waitUntilAnswering();
          await reader.read();
        },
      });
    }),
};
