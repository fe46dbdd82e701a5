import { join } from "node:path";
import { openOrClose } from "../closers.ts";
import { LabProcess } from "../lab-process.ts";
import { NbdHang } from "../nbd-hang.ts";
import { openSocket } from "../raw-monitor.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { waitFor } from "../wait-for.ts";

const RELAY = join(import.meta.dirname, "..", "no-oob-relay.ts");

export const noOob: ScenarioDefinition = {
  name: "no-oob",
  kind: "look-alike",
  description:
    "A monitor whose greeting offers no oob (a relay strips it, as Proxmox's build does); break is nbd-hang's: no yank gets through.",
  start: (lab, { vmName = "no-oob" }) =>
    openOrClose(async (closers) => {
      const hang = await NbdHang.start(lab, closers, { name: vmName, isMonitorBehindRelay: true });
      const { monitorPath, qemuMonitorPath } = hang.vm;
      const relay = await LabProcess.start(lab.processes, {
        what: `relay of ${vmName}`,
        command: process.execPath,
        args: [RELAY, monitorPath, qemuMonitorPath],
      });
      closers.add(relay, (opened) => opened.stop());
      await waitFor("the relay to listen", async () => {
        const socket = await openSocket(monitorPath);
        socket?.destroy();
        return socket === undefined ? undefined : true;
      });
      return composeScenario({
        vms: [hang.vm],
        culprit: hang.culprit,
        closers,
        isBroken: () => hang.vm.isHung(),
        induce: () => hang.induce(),
        removeCause: () => hang.removeCause(),
        restore: (restarted) => hang.restore(restarted),
      });
    }),
};
