import { openOrClose } from "../closers.ts";
import { type ScenarioDefinition, steadyScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

export const paused: ScenarioDefinition = {
  name: "paused",
  kind: "healthy",
  description: "A VM that somebody paused.",
  start: (lab, { vmName = "paused" }) =>
    openOrClose(async (closers) => {
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), (opened) => opened.close());
      await vm.raw.execute("stop");
      return steadyScenario("paused", [vm], closers);
    }),
};
