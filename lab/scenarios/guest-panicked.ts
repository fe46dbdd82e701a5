import { join } from "node:path";
import { panicOnKeySector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";
import { waitFor } from "../wait-for.ts";

const KEY_EVERY_MS = 700;

export const guestPanicked: ScenarioDefinition = {
  name: "guest-panicked",
  kind: "look-alike",
  description: "A guest with a panic device; break makes it panic: QEMU stops it and is well. Heal resets it.",
  start: (lab, { vmName = "guest-panicked" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-boot`), removeFolder);
      const bootDisk = await writeDisk(join(folder, "boot.img"), panicOnKeySector());
      const vm = await LabVm.start(lab, { name: vmName, bootDisk, devices: ["-device", "pvpanic", "-action", "panic=pause"] });
      closers.add(vm, (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => vm.isRunning && (await vm.runState()) === "guest-panicked",
        async induce() {
          // Not more often: keys that come while the firmware sets up the keyboard can leave it deaf.
          const press = async () => {
            await vm.raw.execute("send-key", { keys: [{ type: "qcode", data: "a" }] });
            return (await vm.runState()) === "guest-panicked" ? true : undefined;
          };
          await waitFor("the guest to panic", press, { intervalMs: KEY_EVERY_MS });
        },
        removeCause: async () => {},
        async restore(restarted) {
          if (restarted.has(vm)) return;
          await vm.raw.execute("system_reset");
          await vm.raw.execute("cont");
        },
      });
    }),
};
