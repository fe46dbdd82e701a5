import { join } from "node:path";
import { openOrClose } from "../closers.ts";
import { ConsoleReader } from "../console-reader.ts";
import { removeFolder } from "../lab.ts";
import { type ScenarioDefinition, steadyScenario } from "../scenario.ts";
import { requireSocketPath } from "../socket-path.ts";
import { socketChardev } from "../vm-arguments.ts";
import { LabVm } from "../vm.ts";

export const serialConsole: ScenarioDefinition = {
  name: "serial-console",
  kind: "healthy",
  description: "A VM with a serial port on a socket, and a reader that keeps up.",
  start: (lab, { vmName = "serial-console" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-console`), removeFolder);
      const path = requireSocketPath(join(folder, "serial.sock"));
      const devices = [...socketChardev("serial0", path), "-device", "isa-serial,chardev=serial0,id=com1"];
      const vm = closers.add(await LabVm.start(lab, { name: vmName, devices }), (opened) => opened.close());
      await new ConsoleReader(path, closers).read();
      return steadyScenario("serial-console", [vm], closers);
    }),
};
